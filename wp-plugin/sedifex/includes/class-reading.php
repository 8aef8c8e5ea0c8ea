<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * One reading of a shop, page by page: all of it, or what has changed since a snapshot. Nothing of it is seen before its
 * last page has come.
 *
 * Both go through the feed of changes: from its beginning it holds every product there is, and what changes while the
 * pages are read comes again at its end.
 */
final class Reading
{
    private string $id;
    public bool $isFull;
    /** @var array<string, array> */
    public array $products;
    private string $cursor;
    private string $etag;
    public bool $isComplete = false;
    public bool $isUnchanged = false;
    public bool $isCutOff = false;
    public string $requestId = '';
    public int $keyEnds = 0;
    public int $skew = 0;

    private function __construct(string $id, bool $isFull, array $products, string $cursor, string $etag)
    {
        $this->id = $id;
        $this->isFull = $isFull;
        $this->products = $products;
        $this->cursor = $cursor;
        $this->etag = $etag;
    }

    /**
     * A reading of what has changed since a snapshot.
     */
    public static function since(string $id, Snapshot $snapshot): self
    {
        return new self($id, false, $snapshot->products, $snapshot->cursor, $snapshot->etag);
    }

    /**
     * A reading of everything: one that was begun in the last hour and left, else a new one.
     */
    public static function full(string $id): self
    {
        $left = get_option("sedifex_staging_$id");
        if (is_array($left) && $left['at'] > time() - HOUR_IN_SECONDS) {
            return new self($id, true, $left['products'], $left['cursor'], '');
        }
        return new self($id, true, [], '', '');
    }

    /**
     * Reads the next page.
     *
     * @throws Failure nothing of the page has been taken over.
     */
    public function next(Api $api): void
    {
        $answer = $api->changes($this->id, $this->cursor, $this->etag);
        [$this->requestId, $this->keyEnds, $this->skew] = [$answer->requestId, $answer->keyEnds, $answer->skew];
        if ($answer->data === null) {
            $this->isComplete = true;
            $this->isUnchanged = true;
            return;
        }
        $cursor = $answer->data['nextCursor'] ?? '';
        $changes = $answer->data['changes'] ?? [];
        $more = ($answer->data['more'] ?? false) === true;
        // Every answer has a cursor, and one with more behind it gets further: a half or a foreign one has not.
        if (!is_string($cursor) || $cursor === '' || !is_array($changes) || ($more && $cursor === $this->cursor)) {
            throw new Failure('malformed', 'a page of the feed without its end', 200, 0, $answer->requestId);
        }
        $this->products = $this->applied($changes);
        if (count($this->products) > Snapshot::MAX_PRODUCTS) {
            $this->products = array_slice($this->products, 0, Snapshot::MAX_PRODUCTS, true);
            $this->isCutOff = true;
        }
        // The etag belongs to the request that was made: it names the next one only if that is the same.
        $this->etag = $cursor === $this->cursor ? $answer->etag : '';
        $this->cursor = $cursor;
        $this->isComplete = !$more || ($this->isCutOff && $this->isFull && count($changes) === 0);
    }

    /**
     * What has been read, once it is complete.
     */
    public function snapshot(): Snapshot
    {
        return new Snapshot($this->products, $this->cursor, $this->etag);
    }

    /**
     * Keeps what has been read so far, for `full` to go on with.
     */
    public function leave(): void
    {
        $left = ['products' => $this->products, 'cursor' => $this->cursor, 'at' => time()];
        update_option("sedifex_staging_{$this->id}", $left, false);
    }

    private function applied(array $changes): array
    {
        $products = $this->products;
        foreach ($changes as $change) {
            if (is_array($change) && isset($change['tombstone'])) {
                $name = is_array($change['tombstone']) ? ($change['tombstone']['name'] ?? '') : '';
                unset($products[Product::idOf($name, $this->id)]);
            } else {
                $product = Product::read(is_array($change) ? ($change['product'] ?? null) : null, $this->id);
                $products[$product['id']] = $product;
            }
        }
        return $products;
    }
}
