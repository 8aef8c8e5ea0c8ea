<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Takes away everything that the plugin has kept.
 */
final class Uninstaller
{
    public static function run(): void
    {
        if (!is_multisite()) {
            self::clear();
            return;
        }
        foreach (get_sites(['fields' => 'ids', 'number' => 0]) as $site) {
            switch_to_blog($site);
            self::clear();
            restore_current_blog();
        }
    }

    private static function clear(): void
    {
        foreach (array_keys(Connections::all()) as $id) {
            Subscription::stop($id, 3.0);
        }
        Schedule::stop();
        ShopPages::removeUntouched();
        Options::removeAll('sedifex_');
        delete_metadata('user', 0, 'sedifex_notice_closed', '', true);
    }
}
