<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Renders a list of products, for the shortcode and the block alike. It never asks Sedifex: it shows what is here.
 */
final class Renderer
{
    private const OLD_AFTER_S = DAY_IN_SECONDS;

    /**
     * The list as HTML.
     *
     * @param array|string $given attributes.
     * @param string $wrapper attributes of the outermost element, escaped; empty: the plugin's own.
     */
    public static function render($given, string $wrapper = ''): string
    {
        $attributes = Attributes::read($given);
        $connection = Connections::find($attributes['store']);
        if ($connection === null) {
            return self::unconnected();
        }
        Styles::want();
        $id = $connection['id'];
        $name = substr(md5((string) wp_json_encode($attributes)), 0, 16);
        wp_prime_option_caches(["sedifex_status_$id", Views::option($id, $name)]);
        $status = Status::of($id);
        Schedule::look($id, $status);
        $made = self::recipe($connection, $status);
        $view = Views::find($id, $name, $made);
        if ($view === null) {
            [$html, $items] = self::make($connection, $attributes);
            Views::keep($id, $name, $made, $html, $items);
            $view = ['html' => $html, 'items' => $items];
        }
        StructuredData::add($id, $view['items']);
        $wrapper = $wrapper !== '' ? $wrapper : 'class="wp-block-sedifex-products"';
        return "<div $wrapper>" . self::notices($connection, $status) . $view['html'] . '</div>';
    }

    /**
     * All that a view depends on beside its attributes.
     */
    private static function recipe(array $connection, array $status): string
    {
        $template = self::template();
        $parts = [VERSION, $status['version'], get_locale(), $template, (int) @filemtime($template)];
        foreach (['name', 'currency', 'whatsapp', 'country'] as $field) {
            $parts[] = $connection[$field];
        }
        return md5((string) wp_json_encode($parts));
    }

    /**
     * @return array{0: string, 1: array} the HTML, and the products for search engines.
     */
    private static function make(array $connection, array $attributes): array
    {
        $snapshot = Snapshot::load($connection['id']);
        if ($snapshot === null) {
            return ['<p class="sedifex-message">' . esc_html__('The shop is being prepared. Please come back in a moment.', 'sedifex') . '</p>', []];
        }
        $products = Selection::of($snapshot->products, $attributes);
        if (!$products) {
            return ['<p class="sedifex-message">' . esc_html__('There is nothing here at the moment.', 'sedifex') . '</p>', []];
        }
        $columns = $attributes['columns'];
        $class = 'sedifex-products' . ($columns ? " sedifex-products--columns-$columns" : '');
        $html = '<ul class="' . esc_attr($class) . '" role="list">';
        $items = [];
        foreach ($products as $index => $product) {
            $card = self::card($connection, $attributes, $product, $index < ($columns ?: 4));
            $html .= '<li class="sedifex-products__item">' . self::filled($card) . '</li>';
            $items[$product['id']] = StructuredData::item($product, $card['money'], $connection['name']);
        }
        return ["$html</ul>", $items];
    }

    /**
     * What the template gets, as $card: text that is not escaped yet, but `picture`, which is HTML.
     */
    private static function card(array $connection, array $attributes, array $product, bool $isEager): array
    {
        $money = Price::of($product, $attributes['currency'], $connection['currency']);
        $price = $money['amount'] === '' ? '' : Price::text($money['amount'], $money['currency']);
        $isReduced = $money['was'] !== '' && Price::minor($money['was']) > Price::minor($money['amount']);
        return [
            'product' => $product,
            'money' => $money,
            'heading' => $attributes['heading'],
            'picture' => Picture::html($product, $attributes['columns'], $isEager),
            'price' => $price,
            'was' => $isReduced ? Price::text($money['was'], $money['currency']) : '',
            'stock' => Stock::of($product),
            'order_link' => $attributes['show_whatsapp'] ? WhatsApp::link($connection, $product, $price) : '',
            'order_label' => WhatsApp::label($product),
            'show_price' => $attributes['show_price'],
            'show_stock' => $attributes['show_stock'],
            'show_category' => $attributes['show_category'],
            'show_description' => $attributes['show_description'],
        ];
    }

    /**
     * The template, filled. It sees $card and nothing else.
     */
    private static function filled(array $card): string
    {
        ob_start();
        (static function (string $sedifex_template, array $card): void {
            require $sedifex_template;
        })(self::template(), $card);
        return (string) preg_replace('/>\s+</', '><', trim((string) ob_get_clean()));
    }

    /**
     * The template of a card: the theme's own "sedifex/product-card.php", if it has one.
     */
    private static function template(): string
    {
        static $found = null;
        $found = $found ?? (locate_template('sedifex/product-card.php') ?: dirname(__DIR__) . '/templates/product-card.php');
        return $found;
    }

    private static function notices(array $connection, array $status): string
    {
        $html = '';
        if ($status['checked'] > 0 && $status['checked'] < time() - self::OLD_AFTER_S && $status['reason'] !== '') {
            /* translators: %s: a date. */
            $text = sprintf(__('Prices and stock as of %s. Please ask before you order.', 'sedifex'), wp_date((string) get_option('date_format'), $status['checked']));
            $html .= '<p class="sedifex-message">' . esc_html($text) . '</p>';
        }
        if (current_user_can(Admin::CAPABILITY) && $status['reason'] !== '') {
            /* translators: %s: why the shop could not be read. */
            $text = sprintf(__('Only you see this: the shop is not up to date. %s', 'sedifex'), Causes::of($status['reason'])['cause']);
            $link = '<a href="' . esc_url(Admin::url($connection['id'])) . '">' . esc_html__('What to do', 'sedifex') . '</a>';
            $html .= '<p class="sedifex-message sedifex-message--admin">' . esc_html($text) . " $link</p>";
        }
        return $html;
    }

    private static function unconnected(): string
    {
        if (!current_user_can(Admin::CAPABILITY)) {
            return '';
        }
        Styles::want();
        $link = '<a href="' . esc_url(Admin::url()) . '">' . esc_html__('Connect your shop', 'sedifex') . '</a>';
        $text = esc_html__('Only you see this: your products will stand here once the shop is connected.', 'sedifex');
        return "<p class=\"sedifex-message sedifex-message--admin\">$text $link</p>";
    }
}
