<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * The pages that show products: making one, finding them all, and telling page caches that they have changed.
 */
final class ShopPages
{
    private const MAX_FOUND = 100;

    /**
     * Makes the shop page of a connection and publishes it; answers its id.
     *
     * @throws Failure
     */
    public static function create(array $connection): int
    {
        if (self::exists($connection['page'])) {
            return $connection['page'];
        }
        $attributes = wp_json_encode(['store' => $connection['id'], 'limit' => 48, 'heading' => 2, 'align' => 'wide']);
        $page = wp_insert_post([
            'post_type' => 'page',
            'post_status' => 'publish',
            'post_title' => __('Shop', 'sedifex'),
            'post_content' => '<!-- wp:sedifex/products ' . $attributes . ' /-->',
            'comment_status' => 'closed',
            'meta_input' => ['_sedifex_made' => $connection['id']],
        ], true);
        if (is_wp_error($page)) {
            throw new Failure('malformed', $page->get_error_message());
        }
        self::widen($page);
        Connections::change($connection['id'], ['page' => $page]);
        return $page;
    }

    public static function exists(int $page): bool
    {
        return $page > 0 && get_post_status($page) === 'publish';
    }

    /**
     * Whether some content has a list of products.
     */
    public static function hasList(string $content): bool
    {
        return strpos($content, '<!-- wp:sedifex/products') !== false || strpos($content, '[sedifex_products') !== false;
    }

    /**
     * The published posts and pages that have a list.
     *
     * @return int[] ids, at most 100.
     */
    public static function all(): array
    {
        global $wpdb;
        return array_map('intval', $wpdb->get_col($wpdb->prepare(
            "SELECT ID FROM $wpdb->posts WHERE post_status = 'publish' AND post_type NOT IN ('revision', 'nav_menu_item')
             AND (post_content LIKE %s OR post_content LIKE %s) LIMIT %d",
            '%' . $wpdb->esc_like('<!-- wp:sedifex/products') . '%',
            '%' . $wpdb->esc_like('[sedifex_products') . '%',
            self::MAX_FOUND
        )));
    }

    /**
     * Has page caches forget the pages that show products, each in the way that it offers.
     */
    public static function purge(string $id): void
    {
        foreach (self::all() as $post) {
            clean_post_cache($post);
            $calls = ['wpsc_delete_post_cache', 'rocket_clean_post', 'w3tc_flush_post', 'wpfc_clear_post_cache_by_id'];
            foreach ($calls as $call) {
                if (function_exists($call)) {
                    $call($post);
                }
            }
            do_action('litespeed_purge_post', $post);
            do_action('cache_enabler_clear_page_cache_by_post', $post);
            do_action('breeze_clear_post_cache', $post);
            if (function_exists('sg_cachepress_purge_cache')) {
                sg_cachepress_purge_cache(get_permalink($post));
            }
        }
        /**
         * Fires when the products of a shop have changed here.
         */
        do_action('sedifex_products_changed', $id);
    }

    /**
     * Takes away the pages that the plugin has made, if nobody has changed them since.
     */
    public static function removeUntouched(): void
    {
        $made = get_posts(['post_type' => 'page', 'post_status' => 'any', 'meta_key' => '_sedifex_made', 'numberposts' => -1]);
        foreach ($made as $page) {
            delete_post_meta($page->ID, '_sedifex_made');
            if ($page->post_modified_gmt === $page->post_date_gmt) {
                wp_delete_post($page->ID, true);
            }
        }
    }

    /**
     * Gives the page the theme's template without a narrow column, if it has one.
     */
    private static function widen(int $page): void
    {
        foreach (array_keys(wp_get_theme()->get_page_templates(null, 'page')) as $template) {
            if (preg_match('/wide|full-width/', (string) $template)) {
                update_post_meta($page, '_wp_page_template', $template);
                return;
            }
        }
    }
}
