<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * What the plugin's own page asks while it is open.
 */
final class Rest
{
    private const STEP_S = 2.0;

    public static function register(): void
    {
        $id = '(?P<id>[a-z][a-z0-9_-]{1,62})';
        register_rest_route('sedifex/v1', "/connections/$id/sync", [
            'methods' => 'POST',
            'callback' => [self::class, 'sync'],
            'permission_callback' => [self::class, 'mayManage'],
        ]);
        register_rest_route('sedifex/v1', "/connections/$id/health", [
            'methods' => 'GET',
            'callback' => [self::class, 'health'],
            'permission_callback' => [self::class, 'mayManage'],
        ]);
    }

    public static function mayManage(): bool
    {
        return current_user_can(Admin::CAPABILITY);
    }

    /**
     * Reads the shop for two seconds; called again until it is read.
     */
    public static function sync(\WP_REST_Request $request): \WP_REST_Response
    {
        $id = (string) ($request->get_url_params()['id'] ?? '');
        $health = Health::of($id);
        if ($health->syncRefusal() !== '') {
            return self::panel($id, 'failed');
        }
        return self::panel($id, Sync::now($id, self::STEP_S));
    }

    public static function health(\WP_REST_Request $request): \WP_REST_Response
    {
        return self::panel((string) ($request->get_url_params()['id'] ?? ''), '');
    }

    private static function panel(string $id, string $result): \WP_REST_Response
    {
        $left = get_option("sedifex_staging_$id");
        $isThere = Connections::find($id) !== null;
        return new \WP_REST_Response([
            'result' => $result,
            'read' => is_array($left) ? count($left['products']) : 0,
            'panel' => $isThere ? Panel::html($id) : '',
            'attempts' => $isThere ? Panel::attempts(Health::of($id)) : '',
        ]);
    }
}
