<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * The styles of product lists: on pages that have one, and nowhere else.
 */
final class Styles
{
    public const HANDLE = 'sedifex-products';

    public static function boot(): void
    {
        add_action('init', [self::class, 'register'], 5);
        add_action('wp_enqueue_scripts', [self::class, 'lookAhead']);
    }

    public static function register(): void
    {
        $file = 'blocks/products/style.css';
        wp_register_style(self::HANDLE, plugins_url($file, FILE), [], VERSION);
        wp_style_add_data(self::HANDLE, 'path', plugin_dir_path(FILE) . $file);
    }

    /**
     * Puts the styles into the head of a page that is going to have a list: found later, they would come after it.
     */
    public static function lookAhead(): void
    {
        $post = is_singular() ? get_queried_object() : null;
        if ($post instanceof \WP_Post && ShopPages::hasList($post->post_content)) {
            self::want();
        }
    }

    public static function want(): void
    {
        wp_enqueue_style(self::HANDLE);
    }
}
