<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * The forms of the plugin's page. Each is one action with its own nonce, and works without JavaScript.
 */
final class AdminForms
{
    /** @var array|null what was said of the form that failed. */
    private static ?array $failed = null;

    /**
     * Begins a form. Its nonce holds for this action on this connection.
     */
    public static function open(string $action, string $id, string $class = ''): void
    {
        echo '<form method="post" action="' . esc_url(admin_url('admin-post.php')) . '" class="' . esc_attr($class) . '">'
            . '<input type="hidden" name="action" value="' . esc_attr("sedifex_$action") . '">'
            . '<input type="hidden" name="shop" value="' . esc_attr($id) . '">'
            . '<input type="hidden" name="_wpnonce" value="' . esc_attr(wp_create_nonce("sedifex_{$action}_$id")) . '">';
    }

    public static function close(): void
    {
        echo '</form>';
    }

    /**
     * A form of nothing but a button.
     */
    public static function button(string $action, string $id, string $label, string $class = 'button', string $why = ''): void
    {
        self::open($action, $id, "sedifex-inline sedifex-do-$action");
        $hint = "sedifex-why-$action-$id";
        printf(
            '<button class="%s" %s>%s</button>',
            esc_attr($class),
            $why === '' ? '' : 'disabled aria-describedby="' . esc_attr($hint) . '"',
            esc_html($label)
        );
        if ($why !== '') {
            echo ' <span class="sedifex-quiet" id="' . esc_attr($hint) . '">' . esc_html($why) . '</span>';
        }
        self::close();
    }

    /**
     * The form that takes a connection code, or an address and a key.
     */
    public static function connect(string $action, string $id, string $name, string $button = ''): void
    {
        $failed = self::$failed !== null && in_array(self::$failed['where'], [$action . $id, "$action$name"], true);
        self::open($action, $id, 'sedifex-connect');
        if ($name === 'another') {
            echo '<input type="hidden" name="form" value="another">';
        }
        $field = "sedifex-code-$name";
        echo '<p><label class="sedifex-label" for="' . esc_attr($field) . '">' . esc_html__('Connection code', 'sedifex') . '</label>'
            . '<input type="password" class="regular-text code" name="code" autocomplete="off" spellcheck="false" placeholder="sdfxc1.…" id="'
            . esc_attr($field) . '" aria-describedby="' . esc_attr("$field-hint") . '"' . ($failed ? ' aria-invalid="true"' : '') . '></p>'
            . '<p class="sedifex-quiet" id="' . esc_attr("$field-hint") . '">'
            . esc_html__('In Sedifex, open “Connect WordPress” and copy the code. Keep it to yourself: it opens your product list.', 'sedifex') . '</p>';
        echo '<details class="sedifex-details"><summary>' . esc_html__('I have an address and a key instead', 'sedifex') . '</summary>'
            . '<p><label class="sedifex-label" for="' . esc_attr("$field-address") . '">' . esc_html__('Address of Sedifex', 'sedifex') . '</label>'
            . '<input type="url" class="regular-text code" name="address" placeholder="https://api.sedifex.com" id="' . esc_attr("$field-address") . '"></p>'
            . '<p><label class="sedifex-label" for="' . esc_attr("$field-key") . '">' . esc_html__('Key', 'sedifex') . '</label>'
            . '<input type="password" class="regular-text code" name="key" autocomplete="off" placeholder="sdfx_live_…" id="' . esc_attr("$field-key") . '"></p></details>';
        echo '<p><button class="button button-primary button-hero">' . esc_html($button ?: __('Test connection', 'sedifex')) . '</button></p>';
        self::close();
    }

    /**
     * Prints what an action had to say.
     */
    public static function said(array $said): void
    {
        self::$failed = $said['reason'] === '' ? null : $said;
        if ($said['reason'] === '') {
            echo '<div class="notice notice-success is-dismissible" role="status"><p>' . esc_html($said['text']) . '</p></div>';
            return;
        }
        $cause = Causes::of($said['reason']);
        echo '<div class="notice notice-error" role="alert"><p><strong>' . esc_html($cause['cause']) . '</strong> ' . esc_html($cause['remedy']) . '</p>';
        if ($said['text'] !== '') {
            echo '<p class="sedifex-quiet">' . esc_html($said['text']) . '</p>';
        }
        echo '</div>';
    }
}
