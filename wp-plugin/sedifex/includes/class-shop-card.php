<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * A connected shop on the plugin's page: its health, and what can be done.
 */
final class ShopCard
{
    public static function show(array $connection): void
    {
        $id = $connection['id'];
        $health = Health::of($id);
        $place = implode(', ', array_filter([$connection['city'], $connection['country']]));
        echo '<section class="sedifex-card-box sedifex-shop-card" data-sedifex-shop="' . esc_attr($id) . '" aria-labelledby="sedifex-' . esc_attr($id) . '">'
            . '<h2 id="sedifex-' . esc_attr($id) . '">' . esc_html($connection['name']) . ' <span class="sedifex-quiet">' . esc_html($place) . '</span></h2>'
            . '<div class="sedifex-panel" data-sedifex-panel>';
        // phpcs:ignore WordPress.Security.EscapeOutput -- Panel escapes each piece where it is put together.
        echo Panel::html($id);
        echo '</div><p class="sedifex-progress" data-sedifex-progress role="status" aria-live="polite"></p><div class="sedifex-actions">';
        self::actions($connection, $health);
        echo '</div>';
        self::more($connection, $health);
        echo '</section>';
    }

    private static function actions(array $connection, Health $health): void
    {
        $id = $connection['id'];
        $action = $health->reason === '' ? '' : Causes::of($health->reason)['action'];
        $isFirst = in_array($action, ['sync', ''], true);
        AdminForms::button('sync', $id, __('Sync now', 'sedifex'), $isFirst ? 'button button-primary' : 'button', $health->syncRefusal());
        if ($action === 'empty') {
            AdminForms::button('accept_empty', $id, __('Show the empty shop', 'sedifex'));
        }
        if ($health->hookNeedsRepair()) {
            AdminForms::button('repair', $id, __('Repair instant updates', 'sedifex'));
        }
        if (ShopPages::exists($connection['page'])) {
            echo '<a class="button" href="' . esc_url((string) get_permalink($connection['page'])) . '">' . esc_html__('View shop page', 'sedifex') . '</a> '
                . '<a class="button" href="' . esc_url((string) get_edit_post_link($connection['page'])) . '">' . esc_html__('Edit shop page', 'sedifex') . '</a>';
        }
    }

    private static function more(array $connection, Health $health): void
    {
        $id = $connection['id'];
        $action = $health->reason === '' ? '' : Causes::of($health->reason)['action'];
        $needsKey = in_array($action, ['key', 'store'], true);
        echo '<details class="sedifex-details"><summary>' . esc_html__('Last 10 attempts', 'sedifex') . '</summary><div data-sedifex-attempts>';
        // phpcs:ignore WordPress.Security.EscapeOutput -- as above.
        echo Panel::attempts($health);
        echo '</div></details>';
        echo '<details class="sedifex-details"' . ($needsKey ? ' open' : '') . '><summary>' . esc_html__('Replace the key', 'sedifex') . '</summary>';
        if (Secrets::configuredKey($id) !== '') {
            echo '<p>' . esc_html__('The key stands in wp-config.php or in the environment (SEDIFEX_API_KEY): change it there.', 'sedifex') . '</p>';
        } else {
            echo '<p class="sedifex-quiet">' . esc_html__('The new key is tested first; until it works, the present one stays.', 'sedifex') . '</p>';
            AdminForms::connect('replace', $id, $id, __('Test and replace', 'sedifex'));
        }
        echo '</details><details class="sedifex-details"' . ($action === 'copy' ? ' open' : '') . '><summary>' . esc_html__('Details for support', 'sedifex') . '</summary>'
            . '<p class="sedifex-quiet">' . esc_html__('No secret is in here.', 'sedifex') . '</p>'
            . '<textarea class="large-text code" rows="10" readonly data-sedifex-diagnostics aria-label="' . esc_attr__('Details for support', 'sedifex') . '">'
            . esc_textarea(Diagnostics::text($id)) . '</textarea>'
            . '<p><button type="button" class="button" data-sedifex-copy hidden>' . esc_html__('Copy diagnostics', 'sedifex') . '</button></p></details>'
            . '<details class="sedifex-details"><summary>' . esc_html__('Disconnect this shop', 'sedifex') . '</summary><p>'
            . esc_html__('Its products are taken off this website. In Sedifex nothing changes.', 'sedifex') . '</p>';
        AdminForms::button('disconnect', $id, __('Disconnect', 'sedifex'), 'button sedifex-danger');
        echo '</details>';
    }
}
