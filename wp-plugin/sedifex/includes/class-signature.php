<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Judges the header X-Sedifex-Signature: "t={Unix time},v1={HMAC-SHA256 of "{t}.{body}" in hex}", v1 once or more.
 *
 * Tested with tests/vectors/signatures.json, as every receiver of Sedifex.
 */
final class Signature
{
    public const TOLERANCE_S = 300;

    /**
     * Why a delivery must be refused. Empty: it is genuine.
     *
     * @param string[] $secrets any of them may have signed.
     * @return string "", "MISSING", "MALFORMED", "NO_MATCH", "TOO_OLD" or "FROM_THE_FUTURE".
     */
    public static function refusal(string $header, string $body, array $secrets, int $now): string
    {
        if ($header === '') {
            return 'MISSING';
        }
        $times = [];
        $given = [];
        foreach (explode(',', $header) as $part) {
            [$name, $value] = explode('=', $part, 2) + ['', ''];
            if ($name === 't') {
                $times[] = $value;
            } elseif ($name === 'v1') {
                $given[] = $value;
            }
        }
        if (count($times) !== 1 || !preg_match('/^[0-9]{1,12}$/D', $times[0]) || !self::areDigests($given)) {
            return 'MALFORMED';
        }
        if (!self::matches($given, "$times[0].$body", $secrets)) {
            return 'NO_MATCH';
        }
        $age = $now - (int) $times[0];
        if ($age > self::TOLERANCE_S) {
            return 'TOO_OLD';
        }
        return $age < -self::TOLERANCE_S ? 'FROM_THE_FUTURE' : '';
    }

    private static function areDigests(array $given): bool
    {
        foreach ($given as $each) {
            if (!preg_match('/^[0-9a-f]{64}$/D', $each)) {
                return false;
            }
        }
        return $given !== [];
    }

    private static function matches(array $given, string $signed, array $secrets): bool
    {
        $found = false;
        foreach ($secrets as $secret) {
            $expected = hash_hmac('sha256', $signed, $secret);
            foreach ($given as $each) {
                // All of them are compared, so that the time it takes tells nothing.
                $found = hash_equals($expected, $each) || $found;
            }
        }
        return $found;
    }
}
