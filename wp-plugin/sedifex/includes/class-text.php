<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Letters of all languages where PHP has its extension mbstring; without it, those of English.
 */
final class Text
{
    public static function lower(string $text): string
    {
        return function_exists('mb_strtolower') ? mb_strtolower($text) : strtolower($text);
    }

    public static function upper(string $text): string
    {
        return function_exists('mb_strtoupper') ? mb_strtoupper($text) : strtoupper($text);
    }
}
