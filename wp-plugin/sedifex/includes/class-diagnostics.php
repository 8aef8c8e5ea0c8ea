<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * What support and hosts want to know, as text without secrets.
 */
final class Diagnostics
{
    public static function text(string $id): string
    {
        $lines = [];
        foreach (self::facts($id) as $name => $value) {
            $lines[] = "$name: $value";
        }
        foreach (Status::of($id)['attempts'] as $attempt) {
            $lines[] = implode('  ', [
                gmdate('Y-m-d H:i:s\Z', $attempt['at']),
                $attempt['kind'],
                $attempt['reason'] ?: 'ok',
                $attempt['status'] ? "HTTP {$attempt['status']}" : 'no answer',
                "{$attempt['ms']} ms",
                $attempt['request'] ?: '-',
            ]);
        }
        return implode("\n", $lines);
    }

    /**
     * @return array<string, string>
     */
    public static function facts(string $id): array
    {
        $health = Health::of($id);
        $curl = function_exists('curl_version') ? curl_version() : ['version' => 'none', 'ssl_version' => '-'];
        $failure = $health->status['last_failure'];
        return [
            'Sedifex plugin' => VERSION,
            'WordPress' => get_bloginfo('version') . (is_multisite() ? ' (multisite)' : ''),
            'PHP' => PHP_VERSION,
            'curl' => "{$curl['version']} {$curl['ssl_version']}",
            'Theme' => get_stylesheet(),
            'Website' => home_url(),
            'Sedifex address' => $health->connection['address'] ?? '-',
            'Shop' => $id,
            'Key' => Secrets::hint($id) ?: 'none',
            'Key ends' => self::moment($health->status['key_ends']),
            'Health' => $health->level . ($health->reason === '' ? '' : " ($health->reason)"),
            'Products' => (string) $health->status['count'],
            'Last success' => self::moment($health->status['checked']),
            'Last failure' => $failure === null ? 'none'
                : self::moment($failure['at']) . " {$failure['reason']} HTTP {$failure['status']} {$failure['request']} {$failure['detail']}",
            'Next retry' => self::moment($health->status['next_retry']),
            'Clock ahead of Sedifex' => "{$health->status['skew']} s",
            'Instant updates' => $health->hook['reason'] ?: (($health->connection['endpoint'] ?? '') === '' ? 'none' : 'on'),
            'Last news' => self::moment($health->hook['received']),
            'Refused news' => self::moment($health->hook['refused']) . " {$health->hook['refusal']}",
            'WP-Cron' => (defined('DISABLE_WP_CRON') && DISABLE_WP_CRON ? 'disabled' : 'enabled')
                . (Schedule::tasksDoNotRun($id) ? ', does not run' : ''),
            'Object cache' => wp_using_ext_object_cache() ? 'yes' : 'no',
            'Now' => gmdate('Y-m-d H:i:s\Z'),
        ];
    }

    private static function moment(int $at): string
    {
        return $at > 0 ? gmdate('Y-m-d H:i:s\Z', $at) : 'never';
    }
}
