<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Prices in words. Amounts are decimal text and stay so: a float never gets near them.
 */
final class Price
{
    /** As people write them before the amount. All others are written with their code and a space. */
    private const SIGNS = [
        'GHS' => 'GH₵', 'USD' => '$', 'EUR' => '€', 'GBP' => '£', 'NGN' => '₦', 'JPY' => '¥', 'INR' => '₹',
        'KES' => 'KSh ', 'ZAR' => 'R', 'XOF' => 'CFA ', 'XAF' => 'FCFA ',
    ];
    /** Without minor units (ISO 4217). */
    private const WHOLE = ['XOF', 'XAF', 'JPY', 'UGX', 'RWF', 'GNF', 'KRW', 'VND', 'BIF', 'DJF', 'KMF', 'PYG', 'CLP'];

    /**
     * An amount such as "GH₵1,250.00", with the marks of thousands and decimals of the site's language.
     */
    public static function text(string $amount, string $currency): string
    {
        global $wp_locale;
        [$units, $cents] = explode('.', $amount) + ['', ''];
        $units = ltrim($units, '0');
        $units = $units === '' ? '0' : $units;
        $thousands = $wp_locale->number_format['thousands_sep'] ?? ',';
        $point = $wp_locale->number_format['decimal_point'] ?? '.';
        $grouped = strrev(implode("\0", str_split(strrev($units), 3)));
        $text = str_replace("\0", html_entity_decode($thousands, ENT_QUOTES, 'UTF-8'), $grouped);
        if (!in_array($currency, self::WHOLE, true) || (int) $cents !== 0) {
            $text .= $point . str_pad(substr($cents, 0, 2), 2, '0');
        }
        return (self::SIGNS[$currency] ?? "$currency\u{00a0}") . $text;
    }

    /**
     * The price of a product in a currency: its own price, or one that the shop has set for that currency.
     *
     * @return array{amount: string, currency: string, was: string} amount empty: ask for it.
     */
    public static function of(array $product, string $currency, string $default): array
    {
        $own = $product['currency'] ?: $default;
        if ($currency !== '' && $currency !== $own && isset($product['other'][$currency])) {
            return ['amount' => $product['other'][$currency], 'currency' => $currency, 'was' => ''];
        }
        return ['amount' => $product['price'], 'currency' => $own, 'was' => $product['was']];
    }

    /**
     * The same number of the smallest units, to compare by.
     */
    public static function minor(string $amount): int
    {
        [$units, $cents] = explode('.', $amount) + ['', ''];
        return (int) $units * 100 + (int) str_pad(substr($cents, 0, 2), 2, '0');
    }
}
