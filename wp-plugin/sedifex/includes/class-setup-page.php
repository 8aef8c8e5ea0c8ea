<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * The steps from a fresh plugin to a shop page.
 */
final class SetupPage
{
    private const PREVIEWED = 4;

    public static function connect(): void
    {
        self::begin(1, __('Connect your shop', 'sedifex'));
        echo '<p class="sedifex-lead">' . esc_html__('Paste the connection code from Sedifex. It holds all that this website needs to show your products.', 'sedifex') . '</p>';
        AdminForms::connect('connect', '', 'first');
        self::end();
    }

    public static function chooseShop(): void
    {
        self::begin(2, __('Which shop is it?', 'sedifex'));
        echo '<p class="sedifex-lead">' . esc_html__('The connection works. Your key opens several shops: choose the one for this website. You can connect the others later.', 'sedifex') . '</p>';
        AdminForms::open('choose', '');
        echo '<fieldset class="sedifex-shops"><legend class="screen-reader-text">' . esc_html__('Shops', 'sedifex') . '</legend>';
        foreach (Pending::find()['stores'] as $index => $store) {
            $place = implode(', ', array_filter([$store['city'] ?? '', $store['country'] ?? '']));
            echo '<label class="sedifex-shop"><input type="radio" name="store" value="' . esc_attr($store['name']) . '"' . checked($index, 0, false) . '><span><strong>'
                . esc_html($store['displayName'] ?? $store['name']) . '</strong><span class="sedifex-quiet">' . esc_html($place) . '</span></span></label>';
        }
        echo '</fieldset><p><button class="button button-primary button-hero">' . esc_html__('Use this shop', 'sedifex') . '</button></p>';
        AdminForms::close();
        AdminForms::button('cancel', '', __('Cancel', 'sedifex'), 'button-link');
        self::end();
    }

    public static function preview(array $connection): void
    {
        $id = $connection['id'];
        self::begin(3, __('Make your shop page', 'sedifex'));
        $place = implode(', ', array_filter([$connection['city'], $connection['country']]));
        $count = Status::of($id)['count'];
        echo '<p class="sedifex-connected"><span class="dashicons dashicons-yes-alt" aria-hidden="true"></span><span><strong>'
            . esc_html($connection['name']) . '</strong> <span class="sedifex-quiet">' . esc_html($place) . '</span><br>'
            /* translators: %s: a number of products. */
            . esc_html(sprintf(_n('%s product was read.', '%s products were read.', $count, 'sedifex'), number_format_i18n($count))) . '</span></p>';
        if ($count > 0) {
            $attributes = ['store' => $id, 'limit' => self::PREVIEWED, 'columns' => self::PREVIEWED, 'heading' => 3];
            echo '<h3 class="sedifex-label">' . esc_html__('A preview. On your website it takes the fonts and colours of your theme.', 'sedifex') . '</h3><div class="sedifex-preview" inert>';
            // phpcs:ignore WordPress.Security.EscapeOutput -- Renderer escapes each piece where it is put together.
            echo Renderer::render($attributes);
            echo '</div>';
        } else {
            echo '<p>' . esc_html__('Nothing is published yet: publish products in Sedifex, they will come here by themselves.', 'sedifex') . '</p>';
        }
        echo '<div class="sedifex-actions">';
        AdminForms::button('create_page', $id, __('Create my shop page', 'sedifex'), 'button button-primary button-hero');
        AdminForms::button('own_page', $id, __('I put them on a page of my own', 'sedifex'), 'button-link');
        echo '</div>';
        self::end();
    }

    private static function begin(int $step, string $title): void
    {
        $steps = [1 => __('Connect', 'sedifex'), 2 => __('Choose the shop', 'sedifex'), 3 => __('Make the page', 'sedifex')];
        echo '<section class="sedifex-card-box sedifex-setup" aria-labelledby="sedifex-setup"><ol class="sedifex-steps">';
        foreach ($steps as $number => $name) {
            $state = $number < $step ? 'done' : ($number === $step ? 'now' : 'next');
            echo '<li class="sedifex-steps__step sedifex-steps__step--' . esc_attr($state) . '"' . ($number === $step ? ' aria-current="step"' : '') . '>'
                . '<span class="sedifex-steps__number" aria-hidden="true">' . esc_html($number < $step ? '✓' : (string) $number) . '</span> '
                . esc_html($name) . '</li>';
        }
        echo '</ol><h2 id="sedifex-setup">' . esc_html($title) . '</h2>';
    }

    private static function end(): void
    {
        echo '</section>';
    }
}
