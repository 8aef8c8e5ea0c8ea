<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Rows of the options table that several requests use at the same time, where WordPress' own functions would race.
 */
final class Options
{
    /**
     * The option as the database has it now, whatever this request has read before.
     *
     * @param mixed $default
     * @return mixed
     */
    public static function fresh(string $name, $default = null)
    {
        self::forgetCached($name);
        return get_option($name, $default);
    }

    /**
     * Makes a row unless there is one of this name; answers whether it was made. `add_option` is not atomic.
     */
    public static function insert(string $name, string $value): bool
    {
        global $wpdb;
        $made = $wpdb->query($wpdb->prepare(
            "INSERT IGNORE INTO $wpdb->options (option_name, option_value, autoload) VALUES (%s, %s, 'no')",
            $name,
            $value
        ));
        self::forgetCached($name);
        return $made === 1;
    }

    /**
     * Changes a row if it has the value that is expected; answers whether it had.
     */
    public static function replace(string $name, string $expected, string $value): bool
    {
        global $wpdb;
        $changed = $wpdb->query($wpdb->prepare(
            "UPDATE $wpdb->options SET option_value = %s WHERE option_name = %s AND option_value = %s",
            $value,
            $name,
            $expected
        ));
        self::forgetCached($name);
        return $changed === 1;
    }

    /**
     * Takes away a row if it has the value that is expected.
     */
    public static function remove(string $name, string $expected): void
    {
        global $wpdb;
        $wpdb->delete($wpdb->options, ['option_name' => $name, 'option_value' => $expected]);
        self::forgetCached($name);
    }

    /**
     * Takes away all rows whose name begins so.
     */
    public static function removeAll(string $prefix): void
    {
        global $wpdb;
        $names = $wpdb->get_col($wpdb->prepare(
            "SELECT option_name FROM $wpdb->options WHERE option_name LIKE %s",
            $wpdb->esc_like($prefix) . '%'
        ));
        foreach ($names as $name) {
            delete_option($name);
        }
    }

    private static function forgetCached(string $name): void
    {
        wp_cache_delete($name, 'options');
        $absent = wp_cache_get('notoptions', 'options');
        if (is_array($absent) && isset($absent[$name])) {
            unset($absent[$name]);
            wp_cache_set('notoptions', $absent, 'options');
        }
    }
}
