<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * The products of a page for search engines: one JSON-LD ItemList (schema.org), however many lists the page has.
 */
final class StructuredData
{
    private const MAX_ITEMS = 200;
    private const AVAILABILITY = ['in' => 'InStock', 'low' => 'LimitedAvailability', 'out' => 'OutOfStock'];

    /** @var array<string, array> what this page shows, by connection and product. */
    private static array $shown = [];

    public static function boot(): void
    {
        add_action('wp_footer', [self::class, 'show'], 20);
    }

    /**
     * Adds products that this page shows.
     *
     * @param array<string, array> $items by id, see `item`.
     */
    public static function add(string $connection, array $items): void
    {
        foreach ($items as $id => $item) {
            self::$shown["$connection/$id"] = $item;
        }
    }

    /**
     * A product as schema.org describes it.
     *
     * @param array{amount: string, currency: string, was: string} $price
     */
    public static function item(array $product, array $price, string $seller): array
    {
        $item = array_filter([
            '@type' => $product['type'] === 'service' ? 'Service' : 'Product',
            'name' => $product['name'],
            'description' => wp_strip_all_tags($product['description']),
            'image' => array_column($product['images'], 'uri'),
            'sku' => $product['sku'],
            'brand' => $product['brand'] === '' ? null : ['@type' => 'Brand', 'name' => $product['brand']],
            'category' => $product['category'],
        ]);
        if ($price['amount'] !== '') {
            $item['offers'] = array_filter([
                '@type' => 'Offer',
                'price' => $price['amount'],
                'priceCurrency' => $price['currency'],
                'availability' => 'https://schema.org/' . (self::AVAILABILITY[$product['availability']] ?? 'InStock'),
                'seller' => ['@type' => 'Organization', 'name' => $seller],
            ]);
        }
        return $item;
    }

    public static function show(): void
    {
        if (!self::$shown) {
            return;
        }
        $elements = [];
        foreach (array_slice(array_values(self::$shown), 0, self::MAX_ITEMS) as $index => $item) {
            $elements[] = ['@type' => 'ListItem', 'position' => $index + 1, 'item' => $item];
        }
        $list = ['@context' => 'https://schema.org', '@type' => 'ItemList', 'itemListElement' => $elements];
        self::$shown = [];
        // A product called "</script>" ends no script: JSON_HEX_TAG writes < and > as numbers.
        $json = wp_json_encode($list, JSON_HEX_TAG | JSON_HEX_AMP | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
        wp_print_inline_script_tag((string) $json, ['type' => 'application/ld+json', 'id' => 'sedifex-products']);
    }
}
