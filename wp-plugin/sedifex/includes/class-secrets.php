<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Keys and webhook secrets: sealed with the site's own salts, so that a copy of the database alone opens nothing.
 *
 * A key in the configuration goes first: SEDIFEX_API_KEY_ST_MAKOLA for the store "st_makola", else SEDIFEX_API_KEY, as a
 * constant in wp-config.php or in the environment. Such a key is never written to the database.
 */
final class Secrets
{
    private const OPTION = 'sedifex_secrets';

    /**
     * The key of a connection. Empty: there is none that can be read.
     */
    public static function key(string $id): string
    {
        $configured = self::configuredKey($id);
        return $configured !== '' ? $configured : self::open(self::all()[$id]['key'] ?? '');
    }

    /**
     * The key that the configuration names for a connection. Empty: none.
     */
    public static function configuredKey(string $id): string
    {
        foreach (['SEDIFEX_API_KEY_' . strtoupper(str_replace('-', '_', $id)), 'SEDIFEX_API_KEY'] as $name) {
            $value = defined($name) ? constant($name) : getenv($name);
            if (is_string($value) && $value !== '') {
                return $value;
            }
        }
        return '';
    }

    /**
     * Keeps a key.
     */
    public static function setKey(string $id, string $key): void
    {
        self::change($id, ['key' => self::seal($key)]);
    }

    /**
     * What may be shown of a key: where it is used, and its last four characters. Empty: there is no key.
     */
    public static function hint(string $id): string
    {
        $key = self::key($id);
        return $key === '' ? '' : substr($key, 0, 10) . '…' . substr($key, -4);
    }

    /**
     * The secrets that deliveries may be signed with, the newest first.
     *
     * @return string[]
     */
    public static function webhookSecrets(string $id): array
    {
        $live = [];
        foreach (self::all()[$id]['webhook'] ?? [] as $each) {
            if ($each['until'] === 0 || $each['until'] > time()) {
                $live[] = self::open($each['secret']);
            }
        }
        return array_values(array_filter($live));
    }

    /**
     * Keeps a new secret for deliveries; those before it hold for so many seconds more.
     */
    public static function addWebhookSecret(string $id, string $secret, int $overlap): void
    {
        $now = time();
        $kept = [['secret' => self::seal($secret), 'until' => 0]];
        foreach (self::all()[$id]['webhook'] ?? [] as $each) {
            $until = $each['until'] === 0 ? $now + $overlap : min($each['until'], $now + $overlap);
            if ($until > $now && count($kept) < 3) {
                $kept[] = ['secret' => $each['secret'], 'until' => $until];
            }
        }
        self::change($id, ['webhook' => $kept]);
    }

    /**
     * Forgets the secrets for deliveries.
     */
    public static function forgetWebhookSecrets(string $id): void
    {
        self::change($id, ['webhook' => []]);
    }

    /**
     * Forgets everything of a connection.
     */
    public static function forget(string $id): void
    {
        $all = self::all();
        unset($all[$id]);
        update_option(self::OPTION, $all, false);
    }

    private static function change(string $id, array $values): void
    {
        $all = self::all();
        $all[$id] = $values + ($all[$id] ?? []);
        update_option(self::OPTION, $all, false);
    }

    private static function all(): array
    {
        $found = get_option(self::OPTION, []);
        return is_array($found) ? $found : [];
    }

    private static function seal(string $secret): string
    {
        $nonce = random_bytes(SODIUM_CRYPTO_SECRETBOX_NONCEBYTES);
        // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- bytes, for a column of text.
        return base64_encode($nonce . sodium_crypto_secretbox($secret, $nonce, self::sealingKey()));
    }

    private static function open(string $sealed): string
    {
        // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- as above.
        $bytes = base64_decode($sealed, true);
        if ($bytes === false || strlen($bytes) <= SODIUM_CRYPTO_SECRETBOX_NONCEBYTES) {
            return '';
        }
        $nonce = substr($bytes, 0, SODIUM_CRYPTO_SECRETBOX_NONCEBYTES);
        $opened = sodium_crypto_secretbox_open(
            substr($bytes, SODIUM_CRYPTO_SECRETBOX_NONCEBYTES),
            $nonce,
            self::sealingKey()
        );
        return $opened === false ? '' : $opened;
    }

    private static function sealingKey(): string
    {
        return hash('sha256', 'sedifex' . wp_salt('secure_auth'), true);
    }
}
