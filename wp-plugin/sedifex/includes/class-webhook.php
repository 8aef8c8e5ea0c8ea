<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Receives news of changes: POST /wp-json/sedifex/v1/webhook/{store}. What comes is only a sign to read the shop; nothing
 * of it is taken over.
 */
final class Webhook
{
    private const MAX_BYTES = 1024 * 1024;
    private const KEPT_IDS = 200;

    /** The connection whose shop is read once the delivery is answered. */
    private static string $afterwards = '';

    public static function register(): void
    {
        register_rest_route('sedifex/v1', '/webhook/(?P<id>[a-z][a-z0-9_-]{1,62})', [
            'methods' => 'POST',
            'callback' => [self::class, 'receive'],
            'permission_callback' => [self::class, 'mayDeliver'],
        ]);
    }

    /**
     * The address of a connection's receiver.
     */
    public static function url(string $id): string
    {
        return rest_url("sedifex/v1/webhook/$id");
    }

    /**
     * Whether the delivery was signed by Sedifex, just now.
     *
     * @return true|\WP_Error
     */
    public static function mayDeliver(\WP_REST_Request $request)
    {
        $id = self::connection($request);
        $body = $request->get_body();
        $secrets = Secrets::webhookSecrets($id);
        if (!$secrets || strlen($body) > self::MAX_BYTES) {
            return self::refused('NO_MATCH');
        }
        $header = (string) $request->get_header('x_sedifex_signature');
        $reason = Signature::refusal($header, $body, $secrets, time());
        if ($reason === '') {
            return true;
        }
        Subscription::noteRefused($id, $reason);
        return self::refused($reason);
    }

    /**
     * Takes a delivery: 204 at once, and the shop is read afterwards.
     */
    public static function receive(\WP_REST_Request $request): \WP_REST_Response
    {
        $id = self::connection($request);
        $event = json_decode($request->get_body(), true);
        $eventId = is_array($event) ? (string) ($event['id'] ?? '') : '';
        $type = is_array($event) ? (string) ($event['type'] ?? '') : '';
        $isRepeat = $eventId !== '' && self::isKnown($id, $eventId);
        if (!$isRepeat) {
            Subscription::noteReceived($id);
            if (strpos($type, 'product.') === 0) {
                Schedule::tellNews($id);
                self::$afterwards = $id;
                add_filter('rest_pre_serve_request', [self::class, 'answerNow'], 1);
                add_action('shutdown', [self::class, 'readNow'], 1);
            }
            if ($eventId !== '') {
                // After the word has been left: what was lost before comes again and is not taken for a repeat.
                self::remember($id, $eventId);
            }
        }
        return new \WP_REST_Response(null, 204);
    }

    /**
     * Sends the empty answer and lets Sedifex go.
     *
     * @param bool $served
     */
    public static function answerNow($served): bool
    {
        if (!$served && !headers_sent()) {
            ignore_user_abort(true);
            status_header(204);
            header('Connection: close');
            if (!Schedule::finishRequest()) {
                flush();
            }
        }
        return true;
    }

    /**
     * Reads the shop that the delivery was about. If somebody is reading it already, they see the word that was left.
     */
    public static function readNow(): void
    {
        $id = self::$afterwards;
        self::$afterwards = '';
        if ($id !== '' && Sync::run($id) === 'busy') {
            Schedule::plan($id, time());
        }
    }

    /**
     * The connection that the address names. Not `$request['id']`: there the body, which has an id too, goes first.
     */
    private static function connection(\WP_REST_Request $request): string
    {
        return (string) ($request->get_url_params()['id'] ?? '');
    }

    private static function refused(string $reason): \WP_Error
    {
        $message = __('This delivery was not signed by Sedifex, or is too old.', 'sedifex');
        return new \WP_Error('sedifex_not_genuine', $message, ['status' => 400, 'reason' => $reason]);
    }

    private static function isKnown(string $id, string $eventId): bool
    {
        return in_array(md5($eventId), (array) get_option("sedifex_events_$id", []), true);
    }

    private static function remember(string $id, string $eventId): void
    {
        $ids = array_filter((array) Options::fresh("sedifex_events_$id", []));
        $ids[] = md5($eventId);
        update_option("sedifex_events_$id", array_slice($ids, -self::KEPT_IDS), false);
    }
}
