<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * The plugin's page in the WordPress admin: setting up, health, settings.
 */
final class Admin
{
    public const PAGE = 'sedifex';
    public const CAPABILITY = 'manage_options';

    public static function boot(): void
    {
        add_action('admin_menu', [self::class, 'addPage']);
        add_action('admin_enqueue_scripts', [self::class, 'addAssets']);
        add_filter('plugin_action_links_' . plugin_basename(FILE), [self::class, 'addLink']);
    }

    public static function url(string $id = ''): string
    {
        return add_query_arg(array_filter(['page' => self::PAGE, 'shop' => $id]), admin_url('admin.php'));
    }

    public static function addPage(): void
    {
        $title = __('Sedifex', 'sedifex');
        $page = add_menu_page($title, $title . self::bubble(), self::CAPABILITY, self::PAGE, [self::class, 'show'], 'dashicons-store', 56);
        add_action("load-$page", [self::class, 'addHelp']);
    }

    /**
     * The tabs behind WordPress' own button "Help".
     */
    public static function addHelp(): void
    {
        $tabs = [
            'start' => [
                __('Getting started', 'sedifex'),
                __('In Sedifex, open “Connect WordPress” and copy the connection code. Paste it here and press “Test connection”: the page then names your shop and shows a preview. “Create my shop page” publishes a page with your products.', 'sedifex'),
            ],
            'fresh' => [
                __('How fresh it is', 'sedifex'),
                __('Sedifex tells this website of every change, so a new price is shown within a second or two. Where that is not possible, changes are looked for every minute or so. If Sedifex cannot be reached, your shop page stays up with what was read last.', 'sedifex'),
            ],
            'key' => [
                __('The key', 'sedifex'),
                __('The key is kept encrypted and never shown again, but for its last four letters. When you replace it in Sedifex, this page says so before the old one ends: paste the new connection code under “Replace the key”.', 'sedifex'),
            ],
        ];
        foreach ($tabs as $id => [$title, $text]) {
            $content = '<p>' . esc_html($text) . '</p>';
            get_current_screen()->add_help_tab(['id' => "sedifex-$id", 'title' => $title, 'content' => $content]);
        }
    }

    public static function addLink(array $links): array
    {
        $link = '<a href="' . esc_url(self::url()) . '">' . esc_html__('Settings', 'sedifex') . '</a>';
        return array_merge([$link], $links);
    }

    public static function addAssets(string $hook): void
    {
        if ($hook !== 'toplevel_page_' . self::PAGE) {
            return;
        }
        Styles::want();
        wp_enqueue_style('sedifex-admin', plugins_url('assets/admin.css', FILE), [], VERSION);
        wp_enqueue_script('sedifex-admin', plugins_url('assets/admin.js', FILE), [], VERSION, ['in_footer' => true]);
        $given = [
            'rest' => esc_url_raw(rest_url('sedifex/v1/connections/')),
            'nonce' => wp_create_nonce('wp_rest'),
            'words' => [
                'reading' => __('Reading your products …', 'sedifex'),
                /* translators: %d: a number of products. */
                'read' => __('Reading your products … %d so far', 'sedifex'),
                'done' => __('Done: your products are up to date.', 'sedifex'),
                'failed' => __('That did not work. What to do stands above.', 'sedifex'),
                'offline' => __('Your website does not answer. Check your connection and try again.', 'sedifex'),
                'copied' => __('Copied.', 'sedifex'),
                'working' => __('One moment …', 'sedifex'),
            ],
        ];
        wp_add_inline_script('sedifex-admin', 'window.sedifexAdmin = ' . wp_json_encode($given, JSON_HEX_TAG) . ';', 'before');
    }

    public static function show(): void
    {
        if (!current_user_can(self::CAPABILITY)) {
            return;
        }
        $connections = Connections::all();
        echo '<div class="wrap sedifex"><div class="sedifex-head"><span class="dashicons dashicons-store" aria-hidden="true"></span><div><h1>'
            . esc_html__('Sedifex', 'sedifex') . '</h1><p>'
            . esc_html__('Your shop on your website, always up to date.', 'sedifex') . '</p></div>';
        if (!$connections) {
            // phpcs:ignore WordPress.Security.EscapeOutput -- Panel escapes each piece where it is put together.
            echo Panel::chip(Health::of(''));
        }
        echo '</div><hr class="wp-header-end">';
        $said = Said::take();
        if ($said !== null) {
            AdminForms::said($said);
        }
        if (Pending::exists()) {
            SetupPage::chooseShop();
        } elseif (!$connections) {
            SetupPage::connect();
        }
        $isSettingUp = Pending::exists() || !$connections;
        foreach ($connections as $id => $connection) {
            $hasPage = ShopPages::exists($connection['page']) || get_option("sedifex_own_page_$id");
            if (!$hasPage) {
                SetupPage::preview($connection);
                $isSettingUp = true;
            }
            if ($hasPage || Health::of($id)->level !== Health::HEALTHY) {
                ShopCard::show($connection);
            }
        }
        if (!$isSettingUp) {
            self::showSettings();
            self::showHelp();
        }
        echo '</div>';
    }

    private static function showSettings(): void
    {
        echo '<section class="sedifex-card-box" aria-labelledby="sedifex-settings"><h2 id="sedifex-settings">' . esc_html__('Settings', 'sedifex') . '</h2>';
        AdminForms::open('settings', '');
        echo '<p><label for="sedifex-window">' . esc_html__('Look for changes at most every', 'sedifex') . '</label> <select id="sedifex-window" name="window">';
        foreach (Schedule::WINDOWS as $seconds) {
            /* translators: %s: a number of seconds. */
            $label = sprintf(__('%s seconds', 'sedifex'), number_format_i18n($seconds));
            printf('<option value="%d"%s>%s</option>', (int) $seconds, selected($seconds, Schedule::window(), false), esc_html($label));
        }
        echo '</select> <button class="button">' . esc_html__('Save', 'sedifex') . '</button></p><p class="sedifex-quiet">'
            . esc_html__('With instant updates on, changes are shown within a second or two all the same.', 'sedifex') . '</p>';
        AdminForms::close();
        echo '<details class="sedifex-details"><summary>' . esc_html__('Connect another shop', 'sedifex') . '</summary>';
        AdminForms::connect('connect', '', 'another');
        echo '</details></section>';
    }

    private static function showHelp(): void
    {
        echo '<section class="sedifex-card-box" aria-labelledby="sedifex-help"><h2 id="sedifex-help">' . esc_html__('Products on any page', 'sedifex') . '</h2><p>'
            . esc_html__('In the editor, add the block “Sedifex products”. In classic themes and page builders, use the shortcode:', 'sedifex')
            . '</p><p><code class="sedifex-code">[sedifex_products category="Skin Care" limit="8" columns="4"]</code></p></section>';
    }

    /**
     * A count beside the menu entry, if a shop needs somebody.
     */
    private static function bubble(): string
    {
        foreach (array_keys(Connections::all()) as $id) {
            if (Health::of($id)->level === Health::ATTENTION) {
                return ' <span class="awaiting-mod" aria-hidden="true">!</span><span class="screen-reader-text"> '
                    . esc_html__('Needs attention', 'sedifex') . '</span>';
            }
        }
        return '';
    }
}
