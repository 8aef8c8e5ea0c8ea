<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Where lists of products are put: the block "sedifex/products" and the shortcode [sedifex_products].
 */
final class Blocks
{
    public static function boot(): void
    {
        add_action('init', [self::class, 'register']);
        add_action('enqueue_block_editor_assets', [self::class, 'giveChoices']);
    }

    public static function register(): void
    {
        register_block_type(dirname(__DIR__) . '/blocks/products');
        add_shortcode('sedifex_products', [Renderer::class, 'render']);
    }

    /**
     * Gives the editor its words, and the shops and categories to choose from. Nothing secret is among them.
     */
    public static function giveChoices(): void
    {
        $handle = generate_block_asset_handle('sedifex/products', 'editorScript');
        $given = [
            'shops' => self::shops(),
            'types' => self::types(),
            'orders' => self::orders(),
            'settings' => Admin::url(),
            'words' => self::words(),
        ];
        $json = wp_json_encode($given, JSON_HEX_TAG | JSON_HEX_AMP);
        wp_add_inline_script($handle, "window.sedifexEditor = $json;", 'before');
    }

    private static function shops(): array
    {
        $shops = [];
        foreach (Connections::all() as $id => $connection) {
            $snapshot = Snapshot::load($id);
            $categories = array_unique(array_filter(array_column($snapshot->products ?? [], 'category')));
            sort($categories);
            $shops[] = ['value' => $id, 'label' => $connection['name'], 'categories' => $categories];
        }
        return $shops;
    }

    private static function types(): array
    {
        return self::options([
            '' => __('Everything', 'sedifex'),
            'product' => __('Goods', 'sedifex'),
            'service' => __('Services', 'sedifex'),
            'made_to_order' => __('Made to order', 'sedifex'),
            'course' => __('Courses', 'sedifex'),
            'digital_item' => __('Digital items', 'sedifex'),
        ]);
    }

    private static function orders(): array
    {
        return self::options([
            '' => __('As sorted in Sedifex', 'sedifex'),
            'name' => __('By name', 'sedifex'),
            'price' => __('Cheapest first', 'sedifex'),
            'price-desc' => __('Dearest first', 'sedifex'),
            'newest' => __('Newest first', 'sedifex'),
            'category' => __('By category', 'sedifex'),
        ]);
    }

    private static function options(array $labels): array
    {
        $options = [];
        foreach ($labels as $value => $label) {
            $options[] = ['value' => (string) $value, 'label' => $label];
        }
        return $options;
    }

    private static function words(): array
    {
        return [
            'title' => __('Sedifex products', 'sedifex'),
            'which' => __('Which products', 'sedifex'),
            'look' => __('How they look', 'sedifex'),
            'shop' => __('Shop', 'sedifex'),
            'firstShop' => __('The first one', 'sedifex'),
            'categories' => __('Only these categories', 'sedifex'),
            'type' => __('Kind', 'sedifex'),
            'order' => __('Order', 'sedifex'),
            'limit' => __('At most', 'sedifex'),
            'inStock' => __('Only what can be had', 'sedifex'),
            'ids' => __('Only these, in this order', 'sedifex'),
            'idsHelp' => __('SKUs of products, with commas between them.', 'sedifex'),
            'columns' => __('Columns', 'sedifex'),
            'columnsHelp' => __('0: as many as fit.', 'sedifex'),
            'showPrice' => __('Prices', 'sedifex'),
            'showStock' => __('Stock', 'sedifex'),
            'showWhatsapp' => __('Button for WhatsApp', 'sedifex'),
            'showCategory' => __('Category', 'sedifex'),
            'showDescription' => __('Description', 'sedifex'),
            'heading' => __('Level of the names as headings', 'sedifex'),
            'connectFirst' => __('Connect your Sedifex shop, then its products stand here.', 'sedifex'),
            'connect' => __('Connect your shop', 'sedifex'),
            'noPreview' => __('The preview could not be made. The page itself is not affected.', 'sedifex'),
        ];
    }
}
