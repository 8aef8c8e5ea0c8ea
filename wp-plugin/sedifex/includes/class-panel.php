<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * The health of a connection as HTML: the part of the page that changes by itself while it is open.
 */
final class Panel
{
    private const ICONS = [
        Health::HEALTHY => 'yes-alt',
        Health::STALE => 'clock',
        Health::ATTENTION => 'warning',
        Health::NOT_CONNECTED => 'marker',
    ];

    public static function html(string $id): string
    {
        $health = Health::of($id);
        return self::top($health) . self::problem($health) . self::facts($health);
    }

    /**
     * A level as a chip, in words and with an icon.
     */
    public static function chip(Health $health): string
    {
        return '<span class="sedifex-chip sedifex-chip--' . esc_attr($health->level) . '">'
            . '<span class="dashicons dashicons-' . esc_attr(self::ICONS[$health->level]) . '" aria-hidden="true"></span>'
            . esc_html($health->levelText()) . '</span>';
    }

    /**
     * A moment, absolute and relative.
     */
    public static function moment(int $at): string
    {
        if ($at <= 0) {
            return esc_html__('Never', 'sedifex');
        }
        $format = get_option('date_format') . ' ' . get_option('time_format');
        $difference = human_time_diff($at);
        /* translators: %s: a length of time, such as "5 minutes". */
        $relative = sprintf($at > time() ? __('in %s', 'sedifex') : __('%s ago', 'sedifex'), $difference);
        return '<time datetime="' . esc_attr(gmdate('c', $at)) . '">' . esc_html($relative) . '</time>'
            . ' <span class="sedifex-quiet">' . esc_html(wp_date($format, $at)) . '</span>';
    }

    private static function top(Health $health): string
    {
        $count = $health->status['count'];
        /* translators: %s: a number of products. */
        $products = sprintf(_n('%s product', '%s products', $count, 'sedifex'), number_format_i18n($count));
        return '<div class="sedifex-top">' . self::chip($health)
            . '<p class="sedifex-top__summary">' . esc_html(self::summary($health, $products)) . '</p></div>';
    }

    private static function summary(Health $health, string $products): string
    {
        if ($health->status['version'] === 0) {
            return __('The products have not been read yet.', 'sedifex');
        }
        if ($health->level === Health::HEALTHY) {
            /* translators: %s: such as "24 products". */
            return sprintf(__('%s on your website, and up to date.', 'sedifex'), $products);
        }
        /* translators: 1: such as "24 products", 2: a date and time. */
        $text = __('Your shop page is up and shows %1$s as of %2$s.', 'sedifex');
        $format = get_option('date_format') . ' ' . get_option('time_format');
        return sprintf($text, $products, wp_date($format, $health->status['checked'] ?: $health->status['changed']));
    }

    private static function problem(Health $health): string
    {
        if ($health->reason === '') {
            return '';
        }
        $cause = Causes::of($health->reason);
        $html = '<div class="sedifex-problem sedifex-problem--' . esc_attr($health->level) . '">';
        $html .= '<p class="sedifex-problem__cause">' . esc_html($cause['cause']) . '</p>';
        if ($health->reason === 'key_ending') {
            $html .= '<p>' . esc_html__('It stops working:', 'sedifex') . ' ' . self::moment($health->status['key_ends']) . '</p>';
        }
        $html .= '<p class="sedifex-problem__remedy">' . esc_html($cause['remedy']) . '</p>';
        $detail = $health->status['reason'] !== '' ? ($health->status['last_failure']['detail'] ?? '') : '';
        if ($detail !== '') {
            $html .= '<p class="sedifex-quiet">' . esc_html($detail) . '</p>';
        }
        return "$html</div>";
    }

    private static function facts(Health $health): string
    {
        $id = $health->id;
        $facts = [
            [__('Last success', 'sedifex'), self::moment($health->status['checked'])],
            [__('Last failure', 'sedifex'), self::failure($health->status['last_failure'])],
            [__('Next refresh', 'sedifex'), self::next($health)],
            [__('Instant updates', 'sedifex'), esc_html($health->hookText())],
            [__('Key', 'sedifex'), self::key($id)],
            [__('Scheduled tasks', 'sedifex'), self::cron($id)],
        ];
        $html = '<dl class="sedifex-facts">';
        foreach ($facts as [$name, $value]) {
            $html .= '<div><dt>' . esc_html($name) . "</dt><dd>$value</dd></div>";
        }
        return "$html</dl>";
    }

    private static function failure(?array $failure): string
    {
        if ($failure === null) {
            return esc_html__('None so far', 'sedifex');
        }
        $codes = array_filter([$failure['status'] ? "HTTP {$failure['status']}" : '', $failure['reason'], $failure['request']]);
        return self::moment($failure['at']) . '<br>' . esc_html(Causes::of($failure['reason'])['cause'])
            . ' <code class="sedifex-code">' . esc_html(implode(' · ', $codes)) . '</code>';
    }

    private static function next(Health $health): string
    {
        if ($health->status['reason'] !== '') {
            return $health->status['next_retry'] > 0
                ? self::moment($health->status['next_retry'])
                : esc_html__('When the problem above is solved', 'sedifex');
        }
        $due = $health->status['checked'] + Schedule::window();
        return $due > time() ? self::moment($due) : esc_html__('With the next visit of the page', 'sedifex');
    }

    private static function key(string $id): string
    {
        $hint = Secrets::hint($id);
        if ($hint === '') {
            return esc_html__('Missing', 'sedifex');
        }
        $where = Secrets::configuredKey($id) !== '' ? ' ' . esc_html__('(from the configuration)', 'sedifex') : '';
        return '<code class="sedifex-code">' . esc_html($hint) . '</code>' . $where;
    }

    private static function cron(string $id): string
    {
        if (Schedule::tasksDoNotRun($id)) {
            return esc_html__('Do not run', 'sedifex');
        }
        if (defined('DISABLE_WP_CRON') && DISABLE_WP_CRON) {
            return esc_html__('Run by your host (DISABLE_WP_CRON)', 'sedifex');
        }
        return esc_html__('Run by WordPress', 'sedifex');
    }

    /**
     * The last attempts as a table.
     */
    public static function attempts(Health $health): string
    {
        $html = '<div class="sedifex-scroll" tabindex="0" role="region" aria-label="' . esc_attr__('Last 10 attempts', 'sedifex') . '">';
        $html .= '<table class="widefat striped"><thead><tr>';
        $columns = [__('When', 'sedifex'), __('What', 'sedifex'), __('Result', 'sedifex'), __('Took', 'sedifex'), __('Request id', 'sedifex')];
        foreach ($columns as $column) {
            $html .= '<th scope="col">' . esc_html($column) . '</th>';
        }
        $html .= '</tr></thead><tbody>';
        foreach ($health->status['attempts'] as $attempt) {
            $html .= self::attempt($attempt);
        }
        return "$html</tbody></table></div>";
    }

    private static function attempt(array $attempt): string
    {
        $kinds = [
            'full' => __('All products', 'sedifex'),
            'changes' => __('What has changed', 'sedifex'),
            'unchanged' => __('What has changed', 'sedifex'),
            'failed' => __('Reading', 'sedifex'),
        ];
        if ($attempt['reason'] !== '') {
            $result = Causes::of($attempt['reason'])['cause'];
        } elseif ($attempt['changed'] === 0) {
            $result = __('Nothing new', 'sedifex');
        } else {
            /* translators: %s: a number of products. */
            $text = _n('%s product changed', '%s products changed', $attempt['changed'], 'sedifex');
            $result = sprintf($text, number_format_i18n($attempt['changed']));
        }
        /* translators: %s: a number of milliseconds. */
        $took = sprintf(__('%s ms', 'sedifex'), number_format_i18n($attempt['ms']));
        return '<tr><td>' . esc_html(wp_date('Y-m-d H:i:s', $attempt['at'])) . '</td>'
            . '<td>' . esc_html($kinds[$attempt['kind']] ?? $attempt['kind']) . '</td>'
            . '<td>' . esc_html($result) . '</td><td>' . esc_html($took) . '</td>'
            . '<td><code class="sedifex-code">' . esc_html($attempt['request'] ?: '–') . '</code></td></tr>';
    }
}
