<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Ties the plugin to WordPress.
 */
final class Plugin
{
    public static function boot(): void
    {
        register_activation_hook(FILE, [self::class, 'activate']);
        register_deactivation_hook(FILE, [self::class, 'deactivate']);
        Schedule::boot();
        Styles::boot();
        Blocks::boot();
        StructuredData::boot();
        SiteHealth::boot();
        add_action('rest_api_init', [Rest::class, 'register']);
        add_action('rest_api_init', [Webhook::class, 'register']);
        add_action('init', [self::class, 'translate'], 1);
        if (is_admin()) {
            Admin::boot();
            AdminActions::boot();
            AdminNotices::boot();
        }
    }

    public static function translate(): void
    {
        load_plugin_textdomain('sedifex', false, dirname(plugin_basename(FILE)) . '/languages');
    }

    /**
     * What was connected before is read again, and Sedifex is asked for news again.
     */
    public static function activate(): void
    {
        if (Connections::all()) {
            wp_schedule_event(time(), 'hourly', Schedule::TICK);
        }
    }

    /**
     * Nothing is read any more, and Sedifex is told to send nothing. What is kept stays for the next activation.
     */
    public static function deactivate(): void
    {
        Schedule::stop();
        foreach (array_keys(Connections::all()) as $id) {
            Subscription::stop($id, 3.0);
        }
    }
}
