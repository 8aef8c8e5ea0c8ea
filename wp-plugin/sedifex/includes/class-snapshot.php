<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * The products of a shop as they were last read. An option and not a transient: what caches throw away at will must not
 * empty a shop.
 */
final class Snapshot
{
    public const MAX_PRODUCTS = 10000;

    /** @var array<string, array> products by id, see Product::read() */
    public array $products;
    /** Where the feed of changes goes on. */
    public string $cursor;
    /** Of the feed's last answer at this cursor. */
    public string $etag;

    public function __construct(array $products, string $cursor, string $etag)
    {
        $this->products = $products;
        $this->cursor = $cursor;
        $this->etag = $etag;
    }

    /**
     * The snapshot of a connection; null: none was ever read.
     */
    public static function load(string $id): ?self
    {
        $found = get_option("sedifex_snapshot_$id");
        if (!is_array($found) || !is_array($found['products'] ?? null)) {
            return null;
        }
        return new self($found['products'], (string) $found['cursor'], (string) $found['etag']);
    }

    /**
     * Keeps this snapshot in the place of the one before.
     */
    public function save(string $id): void
    {
        $value = ['products' => $this->products, 'cursor' => $this->cursor, 'etag' => $this->etag];
        update_option("sedifex_snapshot_$id", $value, false);
    }

    /**
     * Forgets the snapshot of a connection, and what was read for the next one.
     */
    public static function forget(string $id): void
    {
        delete_option("sedifex_snapshot_$id");
        delete_option("sedifex_staging_$id");
    }
}
