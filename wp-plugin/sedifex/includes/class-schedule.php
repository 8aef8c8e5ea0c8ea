<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * When a shop is read. Visitors only leave word that it is due; a scheduled task reads it, once their page is sent.
 *
 * The row "sedifex_wanted_{id}" is that word: "due:{time}" by visitors, "news:{time}" by a delivery from Sedifex.
 */
final class Schedule
{
    public const HOOK = 'sedifex_refresh';
    public const TICK = 'sedifex_tick';
    public const WINDOW_OPTION = 'sedifex_window';
    public const WINDOWS = [30, 60, 90, 120];
    public const DEFAULT_WINDOW = 60;
    private const CRON_PATIENCE_S = 180;
    private const PLANNED_LATE_S = 15 * MINUTE_IN_SECONDS;

    /** @var array<string, true> connections that this page has found to be due. */
    private static array $asked = [];

    public static function boot(): void
    {
        add_action(self::HOOK, [Sync::class, 'run']);
        add_action(self::TICK, [self::class, 'tick']);
        add_action('shutdown', [self::class, 'atShutdown']);
    }

    /**
     * How many seconds products count as fresh.
     */
    public static function window(): int
    {
        $window = (int) get_option(self::WINDOW_OPTION, self::DEFAULT_WINDOW);
        return in_array($window, self::WINDOWS, true) ? $window : self::DEFAULT_WINDOW;
    }

    /**
     * Whether it is time to read the shop, by its status.
     */
    public static function isDue(array $status): bool
    {
        if ($status['reason'] !== '') {
            return $status['next_retry'] > 0 && time() >= $status['next_retry'];
        }
        return time() >= $status['checked'] + self::window();
    }

    /**
     * Whether news may bring a reading forward: not against Sedifex's own wish to be left in peace, nor with a key that
     * it has refused.
     */
    public static function mayBeForced(array $status): bool
    {
        if (Causes::isFinal($status['reason'])) {
            return false;
        }
        return $status['reason'] !== 'rate_limited' || time() >= $status['next_retry'];
    }

    /**
     * Sees to it that the shop is read after this page has been sent, if that is due.
     */
    public static function look(string $id, array $status): void
    {
        if (self::isDue($status)) {
            self::$asked[$id] = true;
        }
    }

    /**
     * Leaves word that something has changed.
     */
    public static function tellNews(string $id): void
    {
        update_option("sedifex_wanted_$id", 'news:' . time(), false);
    }

    /**
     * Whether there is word that something has changed.
     */
    public static function hasNews(string $id): bool
    {
        return strpos((string) Options::fresh("sedifex_wanted_$id", ''), 'news:') === 0;
    }

    /**
     * Takes all word away; answers whether it was that something has changed.
     */
    public static function takeNews(string $id): bool
    {
        $hasNews = self::hasNews($id);
        delete_option("sedifex_wanted_$id");
        return $hasNews;
    }

    /**
     * After the page has been sent: has what is due read by a task of its own.
     */
    public static function atShutdown(): void
    {
        foreach (array_keys(self::$asked) as $id) {
            Options::insert("sedifex_wanted_$id", 'due:' . time());
            self::plan($id, time());
            if (self::tasksDoNotRun($id) && self::finishRequest()) {
                Sync::run($id);
            }
        }
        if (self::$asked) {
            self::$asked = [];
            spawn_cron();
        }
    }

    /**
     * Has a connection read at a time.
     */
    public static function plan(string $id, int $at): void
    {
        $planned = wp_next_scheduled(self::HOOK, [$id]);
        if ($planned === false || $planned > $at) {
            // WordPress takes no task within ten minutes of the same one.
            wp_clear_scheduled_hook(self::HOOK, [$id]);
            wp_schedule_single_event($at, self::HOOK, [$id]);
        }
        if (!wp_next_scheduled(self::TICK)) {
            wp_schedule_event(time() + HOUR_IN_SECONDS, 'hourly', self::TICK);
        }
    }

    /**
     * Has it read again when it failed, or when a part of it is still to be read.
     */
    public static function planNext(string $id): void
    {
        $status = Status::fresh($id);
        if (is_array(Options::fresh("sedifex_staging_$id")) && $status['reason'] === '') {
            self::plan($id, time());
        } elseif ($status['next_retry'] > 0) {
            self::plan($id, $status['next_retry']);
        }
    }

    /**
     * Once an hour: reads everything, and looks after instant updates.
     */
    public static function tick(): void
    {
        foreach (array_keys(Connections::all()) as $id) {
            Sync::run($id);
            Subscription::tend($id);
        }
        Views::prune();
    }

    /**
     * Whether scheduled tasks do not run on this site: word was left minutes ago, and nothing has come of it.
     */
    public static function tasksDoNotRun(string $id): bool
    {
        [$kind, $at] = explode(':', (string) get_option("sedifex_wanted_$id", '')) + ['', '0'];
        $isWaiting = $kind === 'due' && (int) $at < time() - self::CRON_PATIENCE_S;
        $planned = wp_next_scheduled(self::HOOK, [$id]);
        $isLate = $planned !== false && $planned < time() - self::PLANNED_LATE_S;
        return $isWaiting || ($isLate && defined('DISABLE_WP_CRON') && DISABLE_WP_CRON);
    }

    /**
     * Lets the client go while this request works on. Answers false where the server cannot do that.
     */
    public static function finishRequest(): bool
    {
        foreach (['fastcgi_finish_request', 'litespeed_finish_request'] as $finish) {
            if (function_exists($finish)) {
                return (bool) $finish();
            }
        }
        return false;
    }

    /**
     * Drops what is planned for a connection.
     */
    public static function forget(string $id): void
    {
        wp_clear_scheduled_hook(self::HOOK, [$id]);
        delete_option("sedifex_wanted_$id");
        unset(self::$asked[$id]);
    }

    /**
     * Drops everything that is planned.
     */
    public static function stop(): void
    {
        wp_unschedule_hook(self::HOOK);
        wp_unschedule_hook(self::TICK);
    }
}
