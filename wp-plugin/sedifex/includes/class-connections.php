<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * The shops that this site shows. No secret is in here, so it may be loaded with every page.
 *
 * A connection is an array: id (of the store: "st_makola"), address, name, currency, whatsapp, country, city, page (id
 * of the shop page, 0: none), endpoint (name of the webhook endpoint at Sedifex; empty: none), created (Unix time).
 */
final class Connections
{
    private const OPTION = 'sedifex_connections';
    public const MAX = 20;

    /**
     * @return array<string, array> by id, the first one is the default.
     */
    public static function all(): array
    {
        $found = get_option(self::OPTION, []);
        return is_array($found) ? $found : [];
    }

    /**
     * The connection of this id, the first one if the id is empty; null if there is none.
     */
    public static function find(string $id): ?array
    {
        $all = self::all();
        if ($id === '') {
            return $all ? reset($all) : null;
        }
        return $all[preg_replace('#^stores/#', '', $id)] ?? null;
    }

    /**
     * Keeps a connection to a store as the API describes it.
     */
    public static function add(string $address, array $store): array
    {
        $connection = self::described($store) + [
            'address' => $address,
            'page' => 0,
            'endpoint' => '',
            'created' => time(),
        ];
        $all = self::all();
        $all[$connection['id']] = $connection;
        update_option(self::OPTION, $all, true);
        return $connection;
    }

    /**
     * Changes fields of a connection; passes over one that is gone.
     */
    public static function change(string $id, array $values): void
    {
        $all = self::all();
        if (isset($all[$id]) && array_intersect_key($all[$id], $values) !== $values) {
            $all[$id] = $values + $all[$id];
            update_option(self::OPTION, $all, true);
        }
    }

    /**
     * Takes over what the API says of the store now.
     */
    public static function describe(string $id, array $store): void
    {
        self::change($id, self::described($store));
    }

    /**
     * Forgets a connection with all that is kept of it here.
     */
    public static function remove(string $id): void
    {
        $all = self::all();
        unset($all[$id]);
        update_option(self::OPTION, $all, true);
        Secrets::forget($id);
        Snapshot::forget($id);
        Status::forget($id);
        Schedule::forget($id);
        Lock::forget($id);
        Views::forget($id);
        delete_option("sedifex_events_$id");
        delete_option("sedifex_hook_$id");
        delete_option("sedifex_own_page_$id");
    }

    /**
     * Whether this is the name of a store as Sedifex gives them.
     */
    public static function isStoreName(string $name): bool
    {
        return (bool) preg_match('#^stores/[a-z][a-z0-9_-]{1,62}$#', $name);
    }

    private static function described(array $store): array
    {
        $text = static function (string $field) use ($store): string {
            return isset($store[$field]) && is_string($store[$field]) ? sanitize_text_field($store[$field]) : '';
        };
        return [
            'id' => substr($text('name'), strlen('stores/')),
            'name' => $text('displayName'),
            'currency' => $text('currencyCode') ?: 'GHS',
            'whatsapp' => $text('whatsappNumber') ?: $text('phone'),
            'country' => $text('country'),
            'city' => $text('city'),
        ];
    }
}
