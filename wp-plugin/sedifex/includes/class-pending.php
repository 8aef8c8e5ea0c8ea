<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * A key that was tested and opens several shops, until one of them is chosen. Kept for an hour.
 */
final class Pending
{
    private const OPTION = 'sedifex_pending';
    private const SECRET = '-pending';

    public static function put(string $address, string $key, array $stores): void
    {
        Secrets::setKey(self::SECRET, $key);
        $kept = [];
        foreach ($stores as $store) {
            $kept[] = array_intersect_key($store, array_flip(
                ['name', 'displayName', 'city', 'country', 'currencyCode', 'whatsappNumber', 'phone']
            ));
        }
        update_option(self::OPTION, ['address' => $address, 'stores' => $kept, 'at' => time()], false);
    }

    public static function exists(): bool
    {
        $found = self::find();
        return $found['stores'] !== [];
    }

    /**
     * @return array{address: string, stores: array[]}
     */
    public static function find(): array
    {
        $found = get_option(self::OPTION);
        if (!is_array($found) || $found['at'] < time() - HOUR_IN_SECONDS) {
            return ['address' => '', 'stores' => []];
        }
        return $found;
    }

    public static function key(): string
    {
        return Secrets::key(self::SECRET);
    }

    public static function drop(): void
    {
        delete_option(self::OPTION);
        Secrets::forget(self::SECRET);
    }
}
