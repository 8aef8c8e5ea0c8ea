<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Lists of products as they were last rendered, so that a page view costs two small rows and no loop.
 *
 * A view is kept under what it was made of; it is made anew when any of that is another: the snapshot's version, the
 * attributes, the template, the language, the plugin. Views that were not made anew for a week are dropped.
 */
final class Views
{
    private const UNUSED_AFTER_S = WEEK_IN_SECONDS;

    /**
     * The view of these attributes, if it is still right: html and items. Null: it must be made.
     */
    public static function find(string $id, string $name, string $made): ?array
    {
        $found = get_option(self::option($id, $name));
        return is_array($found) && ($found['of'] ?? '') === $made ? $found : null;
    }

    /**
     * Keeps a view.
     */
    public static function keep(string $id, string $name, string $made, string $html, array $items): void
    {
        $value = ['of' => $made, 'html' => $html, 'items' => $items, 'at' => time()];
        update_option(self::option($id, $name), $value, false);
    }

    /**
     * The row of a view.
     */
    public static function option(string $id, string $name): string
    {
        return "sedifex_view_{$id}_$name";
    }

    public static function forget(string $id): void
    {
        Options::removeAll("sedifex_view_{$id}_");
    }

    /**
     * Drops what no page shows any more.
     */
    public static function prune(): void
    {
        global $wpdb;
        $like = $wpdb->esc_like('sedifex_view_') . '%';
        $query = "SELECT option_name FROM $wpdb->options WHERE option_name LIKE %s";
        foreach ($wpdb->get_col($wpdb->prepare($query, $like)) as $name) {
            $view = get_option($name);
            if (!is_array($view) || ($view['at'] ?? 0) < time() - self::UNUSED_AFTER_S) {
                delete_option($name);
            }
        }
    }
}
