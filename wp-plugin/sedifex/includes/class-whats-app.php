<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Links that open a chat with the shop in WhatsApp, with what the customer wants written in it already.
 */
final class WhatsApp
{
    /** Where numbers are written with a leading zero at home: country calling codes (ITU-T E.164). */
    private const CALLING_CODES = [
        'GH' => '233', 'NG' => '234', 'TG' => '228', 'BJ' => '229', 'BF' => '226', 'CI' => '225', 'SN' => '221',
        'LR' => '231', 'SL' => '232', 'CM' => '237', 'KE' => '254', 'UG' => '256', 'TZ' => '255', 'RW' => '250',
        'ZA' => '27', 'EG' => '20', 'GB' => '44', 'DE' => '49', 'FR' => '33', 'NL' => '31', 'US' => '1', 'CA' => '1',
    ];
    /** Where the first zero belongs to the number. */
    private const KEEPS_ZERO = ['CI', 'BJ'];

    /**
     * A number as WhatsApp wants it: country code and digits. "024 412 3456", "00233244123456" and "+233 24 412 3456" are
     * all "233244123456". Empty if it is none.
     */
    public static function number(string $written, string $country): string
    {
        $isInternational = strpos(ltrim($written, " (\u{00a0}"), '+') === 0;
        // "+44 (0)20 …" writes the zero of calls at home beside the country code.
        $digits = (string) preg_replace('/\D/', '', str_replace('(0)', '', $written));
        $code = self::CALLING_CODES[$country === '' ? 'GH' : $country] ?? '';
        if (strpos($digits, '00') === 0) {
            $digits = substr($digits, 2);
        } elseif (!$isInternational && $code !== '') {
            if (strpos($digits, '0') === 0) {
                $digits = $code . (in_array($country, self::KEEPS_ZERO, true) ? $digits : substr($digits, 1));
            } elseif (strpos($digits, $code) !== 0 || strlen($digits) < 10) {
                $digits = $code . $digits;
            }
        }
        return preg_match('/^[1-9][0-9]{7,14}$/', $digits) ? $digits : '';
    }

    /**
     * The link for a product. Empty: the shop has no number.
     */
    public static function link(array $connection, array $product, string $price): string
    {
        $number = self::number($connection['whatsapp'], $connection['country']);
        if ($number === '') {
            return '';
        }
        return "https://wa.me/$number?text=" . rawurlencode(self::message($product, $price));
    }

    /**
     * What the button says.
     */
    public static function label(array $product): string
    {
        if ($product['type'] === 'service') {
            return __('Book on WhatsApp', 'sedifex');
        }
        if ($product['availability'] === 'out' || $product['price'] === '') {
            return __('Ask on WhatsApp', 'sedifex');
        }
        return $product['type'] === 'course' ? __('Sign up on WhatsApp', 'sedifex') : __('Order on WhatsApp', 'sedifex');
    }

    private static function message(array $product, string $price): string
    {
        $name = $product['sku'] === '' ? $product['name'] : "{$product['name']} ({$product['sku']})";
        if ($product['type'] === 'service') {
            /* translators: 1: name of a service, 2: its price. */
            $text = $price === '' ? __('Hello, I would like to book: %1$s', 'sedifex') : __('Hello, I would like to book: %1$s – %2$s', 'sedifex');
        } elseif ($product['availability'] === 'out') {
            /* translators: 1: name of a product. */
            $text = __('Hello, when will you have this again: %1$s?', 'sedifex');
        } elseif ($price === '') {
            /* translators: 1: name of a product. */
            $text = __('Hello, what is the price of %1$s?', 'sedifex');
        } else {
            /* translators: 1: name of a product, 2: its price. */
            $text = __('Hello, I would like to order: %1$s – %2$s', 'sedifex');
        }
        return sprintf($text, $name, $price);
    }
}
