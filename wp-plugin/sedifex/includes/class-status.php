<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * How reading a shop goes: what the page needs to know in one small row, and what the health panel tells.
 *
 * Only who has the connection's lock writes it. Times are Unix times, 0: never.
 */
final class Status
{
    public const KEPT_ATTEMPTS = 10;
    private const FIRST_RETRY_S = 10;
    private const LAST_RETRY_S = 15 * MINUTE_IN_SECONDS;
    private const EMPTY_STATUS = [
        'version' => 0,
        'count' => 0,
        'checked' => 0,
        'changed' => 0,
        'full' => 0,
        'failures' => 0,
        'failing_since' => 0,
        'next_retry' => 0,
        'reason' => '',
        'last_failure' => null,
        'key_ends' => 0,
        'skew' => 0,
        'too_many' => false,
        'attempts' => [],
    ];

    /**
     * @return array see EMPTY_STATUS; `reason` is why the last attempt failed, empty if it did not.
     */
    public static function of(string $id): array
    {
        $found = get_option("sedifex_status_$id");
        return (is_array($found) ? $found : []) + self::EMPTY_STATUS;
    }

    /**
     * The same, as the database has it now.
     */
    public static function fresh(string $id): array
    {
        Options::fresh("sedifex_status_$id");
        return self::of($id);
    }

    /**
     * Notes that the shop was read.
     *
     * @param string $kind "full", "changes" or "unchanged".
     */
    public static function succeeded(string $id, string $kind, array $values, int $changed, int $ms, string $request): void
    {
        $status = self::fresh($id);
        $attempt = ['at' => time(), 'kind' => $kind, 'reason' => '', 'changed' => $changed, 'ms' => $ms];
        $attempt += ['request' => $request, 'status' => 200];
        self::save($id, $values + [
            'checked' => time(),
            'failures' => 0,
            'failing_since' => 0,
            'next_retry' => 0,
            'reason' => '',
            'attempts' => self::withAttempt($status, $attempt),
        ] + $status);
    }

    /**
     * Notes that it could not be read, and when it is tried again.
     */
    public static function failed(string $id, Failure $failure, int $ms): void
    {
        $status = self::fresh($id);
        $failures = $status['failures'] + 1;
        $attempt = ['at' => time(), 'kind' => 'failed', 'reason' => $failure->reason, 'changed' => 0, 'ms' => $ms];
        $attempt += ['request' => $failure->requestId, 'status' => $failure->status];
        self::save($id, [
            'failures' => $failures,
            'failing_since' => $status['failing_since'] ?: time(),
            'next_retry' => self::nextRetry($failure, $failures),
            'reason' => $failure->reason,
            'last_failure' => $attempt + ['detail' => $failure->detail],
            'attempts' => self::withAttempt($status, $attempt),
        ] + $status);
    }

    /**
     * Lets the next attempt be made at once, as after a new key.
     */
    public static function clearFailure(string $id): void
    {
        $values = ['failures' => 0, 'failing_since' => 0, 'next_retry' => 0, 'reason' => '', 'checked' => 0];
        self::save($id, $values + ['key_ends' => 0] + self::fresh($id));
    }

    public static function forget(string $id): void
    {
        delete_option("sedifex_status_$id");
    }

    private static function nextRetry(Failure $failure, int $failures): int
    {
        if (Causes::isFinal($failure->reason)) {
            return 0;
        }
        $delay = min(self::LAST_RETRY_S, self::FIRST_RETRY_S * 2 ** min(10, $failures - 1));
        // Sites that failed at the same time must not come back at the same time.
        $delay = (int) round($delay * wp_rand(80, 120) / 100);
        return time() + max($delay, $failure->retryAfter);
    }

    private static function withAttempt(array $status, array $attempt): array
    {
        return array_slice(array_merge([$attempt], $status['attempts']), 0, self::KEPT_ATTEMPTS);
    }

    private static function save(string $id, array $status): void
    {
        update_option("sedifex_status_$id", array_intersect_key($status, self::EMPTY_STATUS), false);
    }
}
