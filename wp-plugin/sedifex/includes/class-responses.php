<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * What WordPress' HTTP functions return → an Answer, or the Failure that it amounts to.
 */
final class Responses
{
    private const MAX_WAIT_S = DAY_IN_SECONDS;
    /** Patterns in the messages of curl and of PHP's streams. The first one that matches counts. */
    private const SIGNS = [
        'dns' => '/cURL error 6:|resolve host|getaddrinfo|Name or service not known/i',
        'tls' => '/cURL error (?:35|51|53|54|58|59|60|64|66|77|80|82|83|90|91):|SSL|certificate|TLS/i',
        'timeout' => '/cURL error 28:|timed? ?out/i',
        'malformed' => '/cURL error (?:1|8|18|52|56|61):/i',
        'refused' => '/cURL error (?:5|7):|refused|connect/i',
    ];

    /**
     * @param array|\WP_Error $response
     * @throws Failure
     */
    public static function read($response): Answer
    {
        if (is_wp_error($response)) {
            throw self::unanswered($response);
        }
        $status = (int) wp_remote_retrieve_response_code($response);
        $header = static function (string $name) use ($response): string {
            $value = wp_remote_retrieve_header($response, $name);
            return is_array($value) ? (string) end($value) : (string) $value;
        };
        $requestId = substr(sanitize_text_field($header('x-request-id')), 0, 64);
        $date = strtotime($header('date'));
        $keyEnds = strtotime($header('x-sedifex-key-expires'));
        $body = $status === 304 ? null : json_decode(wp_remote_retrieve_body($response), true);
        if ($status !== 304 && ($status < 200 || $status > 299)) {
            throw self::refused($status, is_array($body) ? $body : [], $header('retry-after'), $requestId);
        }
        if ($status !== 304 && !is_array($body)) {
            throw new Failure('malformed', 'the answer is no JSON', $status, 0, $requestId);
        }
        return new Answer($body, $header('etag'), $requestId, (int) $keyEnds, $date ? time() - $date : 0);
    }

    private static function unanswered(\WP_Error $error): Failure
    {
        $message = wp_strip_all_tags($error->get_error_message());
        $detail = substr((string) preg_replace('/\s+/', ' ', $message), 0, 200);
        if ($error->get_error_code() === 'http_request_not_executed') {
            return new Failure('blocked', $detail);
        }
        foreach (self::SIGNS as $reason => $pattern) {
            if (preg_match($pattern, $message)) {
                return new Failure($reason, $detail);
            }
        }
        return new Failure('refused', $detail);
    }

    private static function refused(int $status, array $body, string $retryAfter, string $requestId): Failure
    {
        $error = is_array($body['error'] ?? null) ? $body['error'] : [];
        $detail = substr(sanitize_text_field((string) ($error['message'] ?? '')), 0, 300);
        $wait = is_numeric($retryAfter) ? (int) $retryAfter : (int) strtotime($retryAfter) - time();
        return new Failure(
            self::reason($status, self::machineReason($error)),
            $detail,
            $status,
            max(0, min(self::MAX_WAIT_S, $wait)),
            substr(sanitize_text_field((string) ($error['requestId'] ?? $requestId)), 0, 64)
        );
    }

    private static function reason(int $status, string $machineReason): string
    {
        if ($machineReason === 'CURSOR_EXPIRED') {
            return 'cursor_expired';
        }
        $known = [401 => 'unauthorized', 403 => 'forbidden', 404 => 'not_found', 408 => 'timeout', 504 => 'timeout'];
        $known += [429 => 'rate_limited', 400 => 'bad_request'];
        return $known[$status] ?? ($status >= 500 ? 'unavailable' : 'malformed');
    }

    /**
     * The reason in google.rpc.ErrorInfo. Empty: there is none.
     */
    private static function machineReason(array $error): string
    {
        foreach (is_array($error['details'] ?? null) ? $error['details'] : [] as $detail) {
            if (is_array($detail) && is_string($detail['reason'] ?? null)) {
                return $detail['reason'];
            }
        }
        return '';
    }
}
