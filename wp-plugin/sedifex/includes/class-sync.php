<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Brings a shop's snapshot up to date: one request at a time, and never in the way of a visitor.
 */
final class Sync
{
    public const FULL_EVERY_S = HOUR_IN_SECONDS;
    private const BUDGET_S = 20;
    private const MAX_ROUNDS = 5;

    /**
     * Reads what is due, and again while news has come meanwhile.
     *
     * @return string "done", "fresh" (nothing was due), "partial" (more of a large shop is to be read), "failed" or
     *         "busy" (somebody else reads it).
     */
    public static function run(string $id): string
    {
        return self::locked($id, static function (Lock $lock) use ($id): string {
            $result = 'fresh';
            for ($round = 0; $round < self::MAX_ROUNDS; $round++) {
                // Before the reading: what is noted from here on may not be in it.
                $news = Schedule::takeNews($id);
                $status = Status::fresh($id);
                $left = is_array(get_option("sedifex_staging_$id"));
                if (!$left && !Schedule::isDue($status) && !($news && Schedule::mayBeForced($status))) {
                    break;
                }
                $full = $left || $status['full'] < time() - self::FULL_EVERY_S;
                $result = self::read($id, $full, $lock, self::BUDGET_S);
                if ($result !== 'done' || !Schedule::hasNews($id)) {
                    break;
                }
            }
            return $result;
        });
    }

    /**
     * Reads everything now because somebody has asked for it; stops when `seconds` are over, to be called again.
     *
     * @return string as `run`.
     */
    public static function now(string $id, float $seconds): string
    {
        return self::locked($id, static function (Lock $lock) use ($id, $seconds): string {
            Schedule::takeNews($id);
            return self::read($id, true, $lock, $seconds);
        });
    }

    /**
     * Takes over that the shop is empty, on the merchant's word.
     */
    public static function acceptEmpty(string $id): void
    {
        self::locked($id, static function (Lock $lock) use ($id): string {
            return self::read($id, true, $lock, self::BUDGET_S, true);
        });
    }

    private static function locked(string $id, callable $work): string
    {
        $connection = Connections::find($id);
        $lock = $id === '' || $connection === null ? null : Lock::take($id);
        if ($lock === null) {
            return 'busy';
        }
        try {
            return $work($lock);
        } finally {
            $lock->release();
            Schedule::planNext($id);
        }
    }

    private static function read(string $id, bool $full, Lock $lock, float $seconds, bool $mayBeEmpty = false): string
    {
        $began = microtime(true);
        $ms = static function () use ($began): int {
            return (int) round((microtime(true) - $began) * 1000);
        };
        try {
            $connection = Connections::find($id);
            $api = Api::of($connection);
            $before = self::snapshotNow($id);
            if ($before !== null) {
                // Also ahead of everything: products that were taken away are told here, so that an answer which
                // leaves them all out can be told from one that has gone wrong.
                $before = self::readChanges($id, $api, $before, $lock, !$full, $ms);
            }
            if ($before === null || $full) {
                return self::readAll($id, $api, $mayBeEmpty || self::isEmpty($id, $before), $lock, $began + $seconds, $ms);
            }
        } catch (Failure $failure) {
            Status::failed($id, $failure, $ms());
            return 'failed';
        }
        return 'done';
    }

    /**
     * @return Snapshot|null null: the cursor is too old, everything must be read.
     */
    private static function readChanges(
        string $id,
        Api $api,
        Snapshot $before,
        Lock $lock,
        bool $isAll,
        callable $ms
    ): ?Snapshot {
        if ($before->cursor === '') {
            return $before;
        }
        $reading = Reading::since($id, $before);
        try {
            while (!$reading->isComplete) {
                $reading->next($api);
                self::stillOurs($lock);
            }
        } catch (Failure $failure) {
            if ($failure->reason === 'cursor_expired') {
                return null;
            }
            throw $failure;
        }
        if ($isAll) {
            self::commit($id, $reading, $before, $ms());
        }
        return $reading->isUnchanged ? $before : $reading->snapshot();
    }

    private static function readAll(
        string $id,
        Api $api,
        bool $mayBeEmpty,
        Lock $lock,
        float $deadline,
        callable $ms
    ): string {
        $reading = Reading::full($id);
        do {
            $reading->next($api);
            self::stillOurs($lock);
            if (!$reading->isComplete && microtime(true) >= $deadline) {
                $reading->leave();
                return 'partial';
            }
        } while (!$reading->isComplete);
        delete_option("sedifex_staging_$id");
        if (!$reading->products && !$mayBeEmpty) {
            throw new Failure('empty', '', 200, 0, $reading->requestId);
        }
        Connections::describe($id, self::store($api, $id));
        self::commit($id, $reading, self::snapshotNow($id), $ms());
        return 'done';
    }

    /**
     * Whether nothing is left of the shop by the feed of changes. What it has not taken away cannot be gone all at once.
     */
    private static function isEmpty(string $id, ?Snapshot $afterChanges): bool
    {
        $left = $afterChanges ?? self::snapshotNow($id);
        return $left === null || $left->products === [];
    }

    private static function store(Api $api, string $id): array
    {
        $store = $api->store($id);
        if (($store['name'] ?? '') !== "stores/$id") {
            throw new Failure('malformed', 'another shop was answered than was asked for', 200);
        }
        return $store;
    }

    private static function commit(string $id, Reading $reading, ?Snapshot $before, int $ms): void
    {
        $after = $reading->isUnchanged ? $before : $reading->snapshot();
        $changed = self::countChanges($before->products ?? [], $after->products);
        if (!$reading->isUnchanged) {
            $after->save($id);
        }
        $status = Status::fresh($id);
        $isFirst = $status['version'] === 0;
        $values = [
            'version' => $status['version'] + ($changed || $isFirst ? 1 : 0),
            'count' => count($after->products),
            'changed' => $changed || $isFirst ? time() : $status['changed'],
            'full' => $reading->isFull ? time() : $status['full'],
            'key_ends' => $reading->keyEnds,
            'skew' => $reading->skew,
            'too_many' => $reading->isCutOff || (!$reading->isFull && $status['too_many']),
        ];
        $kind = $reading->isFull ? 'full' : ($changed ? 'changes' : 'unchanged');
        Status::succeeded($id, $kind, $values, $changed, $ms, $reading->requestId);
        if ($changed || $isFirst) {
            ShopPages::purge($id);
        }
    }

    private static function countChanges(array $before, array $after): int
    {
        $changed = count(array_diff_key($before, $after));
        foreach ($after as $product => $fields) {
            $changed += ($before[$product] ?? null) === $fields ? 0 : 1;
        }
        return $changed;
    }

    /**
     * The snapshot as it is now: another request may have written it since this one began.
     */
    private static function snapshotNow(string $id): ?Snapshot
    {
        Options::fresh("sedifex_snapshot_$id");
        return Snapshot::load($id);
    }

    private static function stillOurs(Lock $lock): void
    {
        if (!$lock->renew()) {
            throw new Failure('timeout', 'reading took so long that another one has begun');
        }
    }
}
