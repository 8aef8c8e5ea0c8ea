<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Looks after instant updates: the endpoint that this site has at Sedifex, and how deliveries to it go.
 *
 * The row "sedifex_hook_{id}" holds: reason (why there are none; empty: there are), since, received (time of the last
 * delivery), refused (time of the last one that was not genuine), refusal (why it was not).
 */
final class Subscription
{
    private const EMPTY_STATE = ['reason' => '', 'detail' => '', 'since' => 0, 'received' => 0, 'refused' => 0, 'refusal' => ''];
    private const ROTATION_OVERLAP_S = HOUR_IN_SECONDS;

    public static function state(string $id): array
    {
        $found = Options::fresh("sedifex_hook_$id");
        return (is_array($found) ? $found : []) + self::EMPTY_STATE;
    }

    /**
     * Registers this site for a connection's news unless it is; answers whether it is now.
     */
    public static function start(string $id, float $timeout = 10.0): bool
    {
        $connection = Connections::find($id);
        if ($connection === null) {
            return false;
        }
        try {
            $api = Api::of($connection, $timeout);
            if ($connection['endpoint'] !== '') {
                $api->deleteEndpointIfThere($connection['endpoint']);
            }
            [$name, $secret] = $api->createEndpoint($id, Webhook::url($id));
        } catch (Failure $failure) {
            self::note($id, ['reason' => self::reasonOf($failure), 'detail' => $failure->detail, 'since' => time()]);
            Connections::change($id, ['endpoint' => '']);
            return false;
        }
        Secrets::addWebhookSecret($id, $secret, self::ROTATION_OVERLAP_S);
        Connections::change($id, ['endpoint' => $name]);
        self::note($id, ['reason' => '', 'detail' => '', 'refused' => 0, 'refusal' => '', 'since' => time()]);
        return true;
    }

    /**
     * Gives the endpoint a new secret, known to both sides; makes a new endpoint if there is none.
     */
    public static function repair(string $id): bool
    {
        $connection = Connections::find($id);
        if ($connection === null || $connection['endpoint'] === '') {
            return self::start($id);
        }
        try {
            $secret = Api::of($connection)->rotateEndpointSecret($connection['endpoint']);
        } catch (Failure $failure) {
            return self::start($id);
        }
        Secrets::addWebhookSecret($id, $secret, self::ROTATION_OVERLAP_S);
        self::note($id, ['reason' => '', 'detail' => '', 'refused' => 0, 'refusal' => '']);
        return true;
    }

    /**
     * Once an hour: makes sure that the endpoint is still there, at this site's present address, and enabled.
     */
    public static function tend(string $id): void
    {
        $connection = Connections::find($id);
        $status = Status::of($id);
        if ($connection === null || $status['reason'] !== '') {
            return;
        }
        if ($connection['endpoint'] === '') {
            self::start($id);
            return;
        }
        try {
            $api = Api::of($connection);
            $endpoint = $api->endpoint($connection['endpoint']);
            if (($endpoint['url'] ?? '') !== Webhook::url($id)) {
                self::start($id);
            } elseif (($endpoint['state'] ?? '') === 'STATE_DISABLED') {
                $api->enableEndpoint($connection['endpoint']);
            }
        } catch (Failure $failure) {
            if ($failure->reason === 'not_found') {
                self::start($id);
            }
        }
    }

    /**
     * Takes the endpoint away, as far as Sedifex can be reached.
     */
    public static function stop(string $id, float $timeout): void
    {
        $connection = Connections::find($id);
        if ($connection === null || $connection['endpoint'] === '') {
            return;
        }
        try {
            Api::of($connection, $timeout)->deleteEndpoint($connection['endpoint']);
        } catch (Failure $failure) {
            // Sedifex gives an endpoint up that is not there, by itself.
            unset($failure);
        }
        Connections::change($id, ['endpoint' => '']);
        Secrets::forgetWebhookSecrets($id);
    }

    public static function noteReceived(string $id): void
    {
        self::note($id, ['received' => time(), 'refused' => 0, 'refusal' => '']);
    }

    /**
     * Notes a delivery that was not genuine: at most once a minute, for anybody can send such.
     */
    public static function noteRefused(string $id, string $reason): void
    {
        $tells = ['NO_MATCH', 'TOO_OLD', 'FROM_THE_FUTURE'];
        if (in_array($reason, $tells, true) && self::state($id)['refused'] < time() - MINUTE_IN_SECONDS) {
            self::note($id, ['refused' => time(), 'refusal' => $reason]);
        }
    }

    private static function reasonOf(Failure $failure): string
    {
        $known = ['forbidden' => 'webhook_forbidden', 'bad_request' => 'webhook_refused'];
        return $known[$failure->reason] ?? $failure->reason;
    }

    private static function note(string $id, array $values): void
    {
        update_option("sedifex_hook_$id", $values + self::state($id), false);
    }
}
