<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * A product as it is kept: what pages show and nothing else.
 *
 * Fields: id, name, description, category, brand, sku, price, currency, was (each text; price empty: ask for it), other
 * (amounts by currency), stock (null: not counted), availability ("in", "low", "out", "untracked"), type ("product",
 * "service", "made_to_order", "course", "digital_item"), images (uri, alt, width, height), order, created, updated.
 */
final class Product
{
    private const MAX_IMAGES = 10;
    private const AVAILABILITY = [
        'AVAILABILITY_IN_STOCK' => 'in',
        'AVAILABILITY_LOW_STOCK' => 'low',
        'AVAILABILITY_OUT_OF_STOCK' => 'out',
    ];
    public const TYPES = ['product', 'service', 'made_to_order', 'course', 'digital_item'];

    /**
     * A product out of the API's JSON.
     *
     * @param mixed $given
     * @throws Failure "malformed".
     */
    public static function read($given, string $store): array
    {
        $id = self::idOf(is_array($given) ? ($given['name'] ?? '') : '', $store);
        $text = static function (string $field) use ($given): string {
            return is_string($given[$field] ?? null) ? wp_check_invalid_utf8($given[$field], true) : '';
        };
        if ($text('displayName') === '') {
            throw new Failure('malformed', 'a product without a name', 200);
        }
        $price = self::money($given['price'] ?? null);
        $type = strtolower(str_replace('ITEM_TYPE_', '', $text('itemType')));
        return [
            'id' => $id,
            'name' => $text('displayName'),
            'description' => $text('description'),
            'category' => $text('category'),
            'brand' => $text('brand'),
            'sku' => $text('sku'),
            'price' => $price['amount'],
            'currency' => $price['currency'],
            'was' => self::money($given['compareAtPrice'] ?? null)['amount'],
            'other' => self::otherPrices($given['otherPrices'] ?? []),
            'stock' => is_int($given['stockCount'] ?? null) ? $given['stockCount'] : null,
            'availability' => self::AVAILABILITY[$text('availability')] ?? 'untracked',
            'type' => in_array($type, self::TYPES, true) ? $type : 'product',
            'images' => self::images($given['images'] ?? []),
            'order' => is_int($given['sortOrder'] ?? null) ? $given['sortOrder'] : 0,
            'created' => $text('createTime'),
            'updated' => $text('updateTime'),
        ];
    }

    /**
     * The last part of a product's name.
     *
     * @param mixed $name
     * @throws Failure "malformed": it is no name of a product of this store.
     */
    public static function idOf($name, string $store): string
    {
        $pattern = '#^stores/' . preg_quote($store, '#') . '/products/([A-Za-z0-9_-]{1,64})$#';
        if (!is_string($name) || !preg_match($pattern, $name, $found)) {
            throw new Failure('malformed', 'a product that is not of this shop', 200);
        }
        return $found[1];
    }

    /**
     * @param mixed $given
     * @return array{amount: string, currency: string}
     */
    private static function money($given): array
    {
        $amount = is_array($given) ? (string) ($given['amount'] ?? '') : '';
        $currency = is_array($given) ? (string) ($given['currencyCode'] ?? '') : '';
        $isMoney = preg_match('/^[0-9]{1,12}(?:\.[0-9]{1,2})?$/', $amount);
        return [
            'amount' => $isMoney ? $amount : '',
            'currency' => preg_match('/^[A-Z]{3}$/', $currency) ? $currency : '',
        ];
    }

    /**
     * @param mixed $given
     * @return array<string, string>
     */
    private static function otherPrices($given): array
    {
        $prices = [];
        foreach (is_array($given) ? $given : [] as $each) {
            $money = self::money($each);
            if ($money['amount'] !== '' && $money['currency'] !== '') {
                $prices[$money['currency']] = $money['amount'];
            }
        }
        return $prices;
    }

    /**
     * @param mixed $given
     */
    private static function images($given): array
    {
        $images = [];
        foreach (array_slice(is_array($given) ? $given : [], 0, self::MAX_IMAGES) as $each) {
            $uri = is_array($each) ? esc_url_raw((string) ($each['uri'] ?? ''), ['http', 'https']) : '';
            if ($uri !== '') {
                $images[] = [
                    'uri' => $uri,
                    'alt' => (string) ($each['altText'] ?? ''),
                    'width' => (int) ($each['widthPixels'] ?? 0),
                    'height' => (int) ($each['heightPixels'] ?? 0),
                ];
            }
        }
        return $images;
    }
}
