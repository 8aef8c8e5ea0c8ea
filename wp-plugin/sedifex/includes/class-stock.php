<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Whether a product can be had, in words.
 */
final class Stock
{
    /**
     * @return array{state: string, text: string} state: "in", "low", "out" or ""; text empty: nobody counts it.
     */
    public static function of(array $product): array
    {
        if ($product['type'] !== 'product' || $product['availability'] === 'untracked') {
            return ['state' => '', 'text' => self::kind($product['type'])];
        }
        if ($product['availability'] === 'out') {
            return ['state' => 'out', 'text' => __('Out of stock', 'sedifex')];
        }
        if ($product['availability'] === 'low' && $product['stock'] > 0) {
            /* translators: %s: how many there are. */
            $text = _n('Only %s left', 'Only %s left', $product['stock'], 'sedifex');
            return ['state' => 'low', 'text' => sprintf($text, number_format_i18n($product['stock']))];
        }
        return ['state' => 'in', 'text' => __('In stock', 'sedifex')];
    }

    private static function kind(string $type): string
    {
        $texts = [
            'service' => __('By appointment', 'sedifex'),
            'made_to_order' => __('Made to order', 'sedifex'),
            'course' => __('Course', 'sedifex'),
            'digital_item' => __('Delivered digitally', 'sedifex'),
        ];
        return $texts[$type] ?? '';
    }
}
