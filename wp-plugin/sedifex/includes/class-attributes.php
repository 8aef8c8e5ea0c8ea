<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * What an author may say about a list of products: the same for the shortcode and for the block.
 *
 * store (id; empty: the first connected shop), category and ids (comma-separated), limit (1 to 200), columns (0: as many
 * as fit, else 1 to 6), orderby, in_stock, type, show_price, show_stock, show_whatsapp, currency, heading (2 to 6).
 */
final class Attributes
{
    public const MAX_LIMIT = 200;
    public const ORDERS = ['', 'name', 'price', 'price-desc', 'newest', 'category'];
    private const DEFAULTS = [
        'store' => '',
        'category' => '',
        'ids' => '',
        'limit' => 24,
        'columns' => 0,
        'orderby' => '',
        'in_stock' => false,
        'type' => '',
        'show_price' => true,
        'show_stock' => true,
        'show_whatsapp' => true,
        'show_category' => false,
        'show_description' => false,
        'currency' => '',
        'heading' => 3,
    ];

    /**
     * Attributes out of a shortcode's, all of them text, or a block's, whose names are in camel case.
     *
     * @param array|string $given
     */
    public static function read($given): array
    {
        $named = [];
        foreach (is_array($given) ? $given : [] as $name => $value) {
            $named[strtolower((string) preg_replace('/(?<=[a-z])(?=[A-Z])/', '_', (string) $name))] = $value;
        }
        $all = array_intersect_key($named, self::DEFAULTS) + self::DEFAULTS;
        foreach (self::DEFAULTS as $name => $default) {
            if (is_bool($default)) {
                $all[$name] = filter_var($all[$name], FILTER_VALIDATE_BOOLEAN);
            } elseif (is_int($default)) {
                $all[$name] = (int) $all[$name];
            } else {
                $all[$name] = trim(wp_strip_all_tags(html_entity_decode((string) $all[$name], ENT_QUOTES)));
            }
        }
        $all['limit'] = max(1, min(self::MAX_LIMIT, $all['limit']));
        $all['columns'] = max(0, min(6, $all['columns']));
        $all['heading'] = max(2, min(6, $all['heading']));
        $all['orderby'] = in_array($all['orderby'], self::ORDERS, true) ? $all['orderby'] : '';
        $all['currency'] = preg_match('/^[A-Z]{3}$/', $all['currency']) ? $all['currency'] : '';
        return $all;
    }

    /**
     * The parts of a comma-separated attribute, in small letters.
     *
     * @return string[]
     */
    public static function words(string $text): array
    {
        return array_values(array_filter(array_map('trim', explode(',', Text::lower($text))), 'strlen'));
    }
}
