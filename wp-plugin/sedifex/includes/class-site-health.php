<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * What the plugin adds to Tools → Site Health.
 */
final class SiteHealth
{
    public static function boot(): void
    {
        add_filter('site_status_tests', [self::class, 'addTests']);
        add_filter('debug_information', [self::class, 'addInformation']);
    }

    public static function addTests(array $tests): array
    {
        $own = [
            'sedifex_products' => [__('Sedifex products', 'sedifex'), [self::class, 'testProducts']],
            'sedifex_updates' => [__('Sedifex instant updates', 'sedifex'), [self::class, 'testUpdates']],
        ];
        foreach ($own as $name => [$label, $test]) {
            $tests['direct'][$name] = ['label' => $label, 'test' => $test];
        }
        return $tests;
    }

    /**
     * Whether the products are up to date.
     */
    public static function testProducts(): array
    {
        foreach (array_keys(Connections::all()) as $id) {
            $health = Health::of($id);
            if ($health->reason !== '') {
                $cause = Causes::of($health->reason);
                $status = $health->level === Health::ATTENTION ? 'critical' : 'recommended';
                /* translators: %s: name of a shop. */
                $label = sprintf(__('The products of %s are not up to date', 'sedifex'), $health->connection['name']);
                return self::result('sedifex_products', $status, $label, "{$cause['cause']} {$cause['remedy']}");
            }
        }
        $isConnected = (bool) Connections::all();
        return self::result(
            'sedifex_products',
            $isConnected ? 'good' : 'recommended',
            $isConnected ? __('The products of your shop are up to date', 'sedifex') : __('No Sedifex shop is connected', 'sedifex'),
            $isConnected ? __('They were read from Sedifex without a problem.', 'sedifex') : __('Connect your shop, or remove the plugin.', 'sedifex')
        );
    }

    /**
     * Whether changes come at once.
     */
    public static function testUpdates(): array
    {
        foreach (Connections::all() as $id => $connection) {
            $health = Health::of($id);
            if ($health->hook['reason'] !== '' || $connection['endpoint'] === '') {
                $cause = Causes::of($health->hook['reason'] ?: 'webhook_refused');
                $label = __('Changes in your shop come late', 'sedifex');
                return self::result('sedifex_updates', 'recommended', $label, "{$cause['cause']} {$cause['remedy']}");
            }
        }
        $label = __('Changes in your shop come at once', 'sedifex');
        return self::result('sedifex_updates', 'good', $label, __('Sedifex tells this website of changes as they happen.', 'sedifex'));
    }

    public static function addInformation(array $information): array
    {
        foreach (Connections::all() as $id => $connection) {
            $fields = [];
            foreach (Diagnostics::facts($id) as $name => $value) {
                $fields[sanitize_key($name)] = ['label' => $name, 'value' => $value];
            }
            /* translators: %s: name of a shop. */
            $label = sprintf(__('Sedifex: %s', 'sedifex'), $connection['name']);
            $information["sedifex-$id"] = ['label' => $label, 'fields' => $fields];
        }
        return $information;
    }

    private static function result(string $test, string $status, string $label, string $description): array
    {
        return [
            'label' => $label,
            'status' => $status,
            'badge' => ['label' => __('Shop', 'sedifex'), 'color' => 'blue'],
            'description' => '<p>' . esc_html($description) . '</p>',
            'actions' => '<p><a href="' . esc_url(Admin::url()) . '">' . esc_html__('Open Sedifex', 'sedifex') . '</a></p>',
            'test' => $test,
        ];
    }
}
