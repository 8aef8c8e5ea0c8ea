<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Which products of a shop a list shows, and in which order.
 */
final class Selection
{
    /**
     * @param array<string, array> $products
     * @return array[] at most as many as the limit says.
     */
    public static function of(array $products, array $attributes): array
    {
        $ids = array_filter(array_map('trim', explode(',', $attributes['ids'])), 'strlen');
        $found = $ids ? self::named($products, $ids) : array_values($products);
        $categories = Attributes::words($attributes['category']);
        $types = Attributes::words(str_replace('-', '_', $attributes['type']));
        $found = array_filter($found, static function (array $each) use ($categories, $types, $attributes): bool {
            return (!$categories || in_array(Text::lower($each['category']), $categories, true))
                && (!$types || in_array($each['type'], $types, true))
                && (!$attributes['in_stock'] || $each['availability'] !== 'out');
        });
        if (!$ids || $attributes['orderby'] !== '') {
            usort($found, self::order($attributes['orderby']));
        }
        return array_slice(array_values($found), 0, $attributes['limit']);
    }

    /**
     * The products of these ids or SKUs, in this order.
     */
    private static function named(array $products, array $ids): array
    {
        $bySku = [];
        foreach ($products as $product) {
            $bySku[Text::lower($product['sku'])] = $product;
        }
        $found = [];
        foreach ($ids as $id) {
            $product = $products[$id] ?? $bySku[Text::lower($id)] ?? null;
            if ($product !== null) {
                $found[$product['id']] = $product;
            }
        }
        return array_values($found);
    }

    private static function order(string $orderBy): callable
    {
        $last = ['price' => PHP_INT_MAX, 'price-desc' => -1];
        $key = static function (array $product) use ($orderBy, $last): array {
            // What has no price comes last either way.
            $price = $product['price'] === '' ? $last[$orderBy] ?? 0 : (float) $product['price'];
            $keys = [
                'name' => [Text::lower($product['name'])],
                'price' => [$price],
                'price-desc' => [-$price],
                'newest' => [-(int) strtotime($product['created'])],
                'category' => [Text::lower($product['category']), $product['order']],
            ];
            return array_merge($keys[$orderBy] ?? [$product['order']], [Text::lower($product['name']), $product['id']]);
        };
        return static function (array $one, array $other) use ($key): int {
            return $key($one) <=> $key($other);
        };
    }
}
