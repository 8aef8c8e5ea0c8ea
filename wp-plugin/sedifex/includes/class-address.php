<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * The address of a Sedifex API, such as "https://api.sedifex.com".
 */
final class Address
{
    /**
     * The address in its one form: small letters, no slash at the end. Empty if it is none.
     */
    public static function canonical(string $text): string
    {
        $text = trim($text);
        if ($text !== '' && strpos($text, '://') === false) {
            $text = "https://$text";
        }
        $parts = wp_parse_url($text);
        $scheme = strtolower($parts['scheme'] ?? '');
        $host = strtolower($parts['host'] ?? '');
        $odd = array_intersect_key($parts ?: [], array_flip(['user', 'pass', 'query', 'fragment']));
        $path = rtrim($parts['path'] ?? '', '/');
        if (
            !in_array($scheme, ['https', 'http'], true) || $odd
            || !preg_match('/^(?:[a-z0-9.-]+|\[[0-9a-f:]+\])$/', $host) || !preg_match('#^(?:/[A-Za-z0-9._~-]+)*$#', $path)
        ) {
            return '';
        }
        $port = $parts['port'] ?? null;
        return "$scheme://$host" . ($port === null ? '' : ":$port") . $path;
    }

    /**
     * The address in its one form, if a key may be sent there.
     *
     * @throws Failure with the reason "address_invalid" or "address_insecure": a key must not travel in clear text.
     */
    public static function check(string $text): string
    {
        $address = self::canonical($text);
        if ($address === '') {
            throw new Failure('address_invalid');
        }
        if (strpos($address, 'https://') !== 0 && !self::mayBeInsecure()) {
            throw new Failure('address_insecure');
        }
        return $address;
    }

    /**
     * Whether this site is for development, where http will do.
     */
    public static function mayBeInsecure(): bool
    {
        return in_array(wp_get_environment_type(), ['local', 'development'], true);
    }
}
