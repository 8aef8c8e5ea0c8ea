<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * The one string that a merchant pastes: where Sedifex is, and the key.
 *
 *     sdfxc1.<address, base64url without padding>.<key>.<CRC-32 of all before the last dot, 8 hex digits>
 *
 * The key stands in it as it is, so that scanners for leaked keys recognise it. Spaces and line breaks do not count.
 * The maker is gateway/connection_code.py; both are tested with tests/vectors/connection_codes.json.
 */
final class ConnectionCode
{
    public const PREFIX = 'sdfxc';
    private const VERSION = 1;
    private const KEY = '/^sdfx_(?:live|test)_[0-9A-Za-z]{38}$/';

    public string $address;
    public string $key;

    private function __construct(string $address, string $key)
    {
        $this->address = $address;
        $this->key = $key;
    }

    /**
     * Whether this looks like a connection code, or a part of one, rather than a key.
     */
    public static function resembles(string $text): bool
    {
        return strpos(self::squeeze($text), self::PREFIX) === 0;
    }

    /**
     * Reads a code.
     *
     * @throws Failure with the reason "code_incomplete", "code_newer" or "code_invalid".
     */
    public static function read(string $text): self
    {
        $code = self::squeeze($text);
        if (!preg_match('/^sdfxc([0-9]+)\./', $code, $version)) {
            throw new Failure('code_invalid');
        }
        if ((int) $version[1] !== self::VERSION) {
            throw new Failure('code_newer');
        }
        $parts = explode('.', $code);
        if (count($parts) !== 4) {
            throw new Failure('code_incomplete');
        }
        [, $encoded, $key, $sum] = $parts;
        if (!hash_equals(self::sum("$parts[0].$encoded.$key"), $sum)) {
            throw new Failure('code_incomplete');
        }
        // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- an address is text, not a program.
        $address = base64_decode(strtr($encoded, '-_', '+/'), true);
        if ($address === false || !preg_match(self::KEY, $key) || Address::canonical($address) !== $address) {
            throw new Failure('code_invalid');
        }
        return new self($address, $key);
    }

    /**
     * Whether this is a key as Sedifex makes them.
     */
    public static function isKey(string $text): bool
    {
        return (bool) preg_match(self::KEY, $text);
    }

    private static function squeeze(string $text): string
    {
        return (string) preg_replace('/\s+/', '', $text);
    }

    private static function sum(string $text): string
    {
        return hash('crc32b', $text);
    }
}
