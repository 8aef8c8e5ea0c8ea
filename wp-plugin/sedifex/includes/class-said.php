<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * What an action has to say on the page that follows it: to the one who did it, once, and not in the address bar.
 */
final class Said
{
    /**
     * @param string $reason one of Causes::all(); empty: it went well.
     * @param string $text in words, what went well; for a failure what Sedifex said.
     * @param string $where the form that it is about: "connect", or "replace-{id}".
     */
    public static function put(string $reason, string $text, string $where = ''): void
    {
        $value = ['reason' => $reason, 'text' => $text, 'where' => $where, 'at' => time()];
        update_option(self::option(), $value, false);
    }

    /**
     * What was said last; null: nothing. Said once.
     */
    public static function take(): ?array
    {
        $said = get_option(self::option());
        if (!is_array($said)) {
            return null;
        }
        delete_option(self::option());
        return $said['at'] > time() - 5 * MINUTE_IN_SECONDS ? $said : null;
    }

    private static function option(): string
    {
        return 'sedifex_said_' . get_current_user_id();
    }
}
