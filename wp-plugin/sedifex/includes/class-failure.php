<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Something did not work. `reason` is one of Causes::all(); nothing here ever holds a secret.
 */
final class Failure extends \Exception
{
    public string $reason;
    /** HTTP status; 0: there was no answer. */
    public int $status;
    /** Seconds that Sedifex asks to wait; 0: it does not. */
    public int $retryAfter;
    /** By which Sedifex finds the request in its logs. */
    public string $requestId;
    /** What was said, for support: one line, without secrets. */
    public string $detail;

    public function __construct(
        string $reason,
        string $detail = '',
        int $status = 0,
        int $retryAfter = 0,
        string $requestId = ''
    ) {
        parent::__construct($reason);
        $this->reason = $reason;
        $this->detail = $detail;
        $this->status = $status;
        $this->retryAfter = $retryAfter;
        $this->requestId = $requestId;
    }
}
