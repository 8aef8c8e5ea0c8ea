<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * What the plugin says on other pages of the admin: how to begin, and when a shop needs somebody.
 */
final class AdminNotices
{
    public static function boot(): void
    {
        add_action('admin_notices', [self::class, 'show']);
    }

    public static function show(): void
    {
        $screen = get_current_screen();
        if (!current_user_can(Admin::CAPABILITY) || ($screen && $screen->id === 'toplevel_page_' . Admin::PAGE)) {
            return;
        }
        $connections = Connections::all();
        if (!$connections) {
            self::invite($screen);
        }
        foreach ($connections as $id => $connection) {
            $health = Health::of($id);
            if ($health->level === Health::ATTENTION) {
                self::warn($connection, Causes::of($health->reason)['cause']);
            }
        }
    }

    /**
     * How to begin: on the pages where one comes from activating a plugin, until it is closed.
     */
    private static function invite(?\WP_Screen $screen): void
    {
        $isNear = $screen !== null && in_array($screen->id, ['plugins', 'dashboard'], true);
        if (!$isNear || get_user_meta(get_current_user_id(), 'sedifex_notice_closed', true)) {
            return;
        }
        echo '<div class="notice notice-info"><p><strong>' . esc_html__('Sedifex is ready to be connected.', 'sedifex') . '</strong> '
            . esc_html__('It takes a minute: paste your connection code, and your products are on your website.', 'sedifex') . '</p>'
            . '<div style="align-items:center;display:flex;gap:14px;margin:0 0 12px"><a class="button button-primary" href="' . esc_url(Admin::url()) . '">' . esc_html__('Connect your shop', 'sedifex') . '</a> ';
        AdminForms::button('close_notice', '', __('Not now', 'sedifex'), 'button-link');
        echo '</div></div>';
    }

    private static function warn(array $connection, string $cause): void
    {
        echo '<div class="notice notice-warning"><p><strong>' . esc_html($connection['name']) . '</strong>: ' . esc_html($cause)
            . ' <a href="' . esc_url(Admin::url($connection['id'])) . '">' . esc_html__('What to do', 'sedifex') . '</a></p></div>';
    }
}
