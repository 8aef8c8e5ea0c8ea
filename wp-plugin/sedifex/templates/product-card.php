<?php

/**
 * A product in a list. To change it, copy this file to "sedifex/product-card.php" in your theme and edit the copy.
 *
 * What is in $card: product (its fields: see Sedifex\Product), heading (2 to 6), picture (HTML), price and was (text;
 * empty: ask for it, not reduced), stock (state and text), order_link (empty: none), order_label, show_price,
 * show_stock, show_category, show_description. Escape what you print.
 *
 * @package Sedifex
 * @var array $card
 */

defined('ABSPATH') || exit;

$sedifex_heading = 'h' . (int) $card['heading'];
?>
<article class="sedifex-card sedifex-card--<?php echo esc_attr($card['stock']['state'] ?: 'plain'); ?>">
    <div class="sedifex-card__picture"><?php echo wp_kses($card['picture'], Sedifex\Picture::TAGS); ?></div>
    <div class="sedifex-card__body">
        <?php if ($card['show_category'] && $card['product']['category'] !== '') : ?>
            <p class="sedifex-card__category"><?php echo esc_html($card['product']['category']); ?></p>
        <?php endif; ?>
        <<?php echo tag_escape($sedifex_heading); ?> class="sedifex-card__name"><?php echo esc_html($card['product']['name']); ?></<?php echo tag_escape($sedifex_heading); ?>>
        <?php if ($card['show_description'] && $card['product']['description'] !== '') : ?>
            <p class="sedifex-card__description"><?php echo esc_html(wp_trim_words($card['product']['description'], 24)); ?></p>
        <?php endif; ?>
        <?php if ($card['show_price']) : ?>
            <p class="sedifex-card__price">
                <?php if ($card['was'] !== '') : ?>
                    <span class="screen-reader-text"><?php esc_html_e('Before:', 'sedifex'); ?></span>
                    <s class="sedifex-card__was"><?php echo esc_html($card['was']); ?></s>
                    <span class="screen-reader-text"><?php esc_html_e('Now:', 'sedifex'); ?></span>
                <?php endif; ?>
                <span class="sedifex-card__now"><?php echo esc_html($card['price'] !== '' ? $card['price'] : __('Ask for price', 'sedifex')); ?></span>
            </p>
        <?php endif; ?>
        <?php if ($card['show_stock'] && $card['stock']['text'] !== '') : ?>
            <p class="sedifex-card__stock"><?php echo esc_html($card['stock']['text']); ?></p>
        <?php endif; ?>
    </div>
    <?php if ($card['order_link'] !== '') : ?>
        <a class="sedifex-card__order" href="<?php echo esc_url($card['order_link']); ?>" target="_blank" rel="noopener nofollow">
            <svg class="sedifex-card__icon" aria-hidden="true" focusable="false" width="16" height="16" viewBox="0 0 24 24" fill="currentColor"><path d="M4 3h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2h-9.500l-5 4.200a.6.6 0 0 1-1-.45V17H4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2Z"/></svg>
            <span><?php echo esc_html($card['order_label']); ?></span><span class="screen-reader-text"><?php
                /* translators: %s: name of a product. */
                echo esc_html(sprintf(__(': %s (opens in a new tab)', 'sedifex'), $card['product']['name']));
            ?></span>
        </a>
    <?php endif; ?>
</article>
