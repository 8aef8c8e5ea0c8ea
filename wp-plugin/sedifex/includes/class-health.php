<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * How a connection is, worked out from what is on record: a level, and the one cause that matters most.
 */
final class Health
{
    public const HEALTHY = 'healthy';
    public const STALE = 'stale';
    public const ATTENTION = 'attention';
    public const NOT_CONNECTED = 'none';

    private const PATIENCE_S = HOUR_IN_SECONDS;
    private const KEY_WARNING_S = 7 * DAY_IN_SECONDS;
    private const MAX_SKEW_S = 240;
    /** Failures that pass by themselves. All others need somebody. */
    private const PASSING = ['timeout', 'unavailable', 'rate_limited', 'malformed', 'refused'];

    public string $id;
    public ?array $connection;
    public array $status;
    public array $hook;
    public string $level;
    /** One of Causes::all(); empty: all is well. */
    public string $reason;

    private function __construct(string $id)
    {
        $this->id = $id;
        $this->connection = Connections::find($id);
        $this->status = Status::fresh($id);
        $this->hook = Subscription::state($id);
        $this->reason = $this->connection === null ? '' : $this->cause();
        $this->level = $this->judge();
    }

    public static function of(string $id): self
    {
        return new self($id);
    }

    /**
     * The level in words.
     */
    public function levelText(): string
    {
        $texts = [
            self::HEALTHY => __('Healthy', 'sedifex'),
            self::STALE => __('Stale', 'sedifex'),
            self::ATTENTION => __('Needs attention', 'sedifex'),
            self::NOT_CONNECTED => __('Not connected', 'sedifex'),
        ];
        return $texts[$this->level];
    }

    /**
     * Why "Sync now" can not be pressed. Empty: it can.
     */
    public function syncRefusal(): string
    {
        if ($this->connection === null) {
            return __('No shop is connected.', 'sedifex');
        }
        if (Lock::isHeld($this->id)) {
            return __('A refresh is under way already.', 'sedifex');
        }
        if ($this->status['reason'] === 'rate_limited' && $this->status['next_retry'] > time()) {
            /* translators: %s: a time of day. */
            $text = __('Sedifex asked for a pause until %s.', 'sedifex');
            return sprintf($text, wp_date((string) get_option('time_format'), $this->status['next_retry']));
        }
        return '';
    }

    /**
     * How instant updates are, in words.
     */
    public function hookText(): string
    {
        if ($this->hook['reason'] !== '') {
            return Causes::of($this->hook['reason'])['cause'];
        }
        if (($this->connection['endpoint'] ?? '') === '') {
            return __('Not set up yet', 'sedifex');
        }
        if ($this->hook['refused'] > $this->hook['received'] && $this->hook['refusal'] === 'NO_MATCH') {
            return Causes::of('webhook_signature')['cause'];
        }
        if ($this->hook['received'] === 0) {
            return __('On; no news yet', 'sedifex');
        }
        /* translators: %s: how long ago, such as "5 minutes". */
        return sprintf(__('On; last news %s ago', 'sedifex'), human_time_diff($this->hook['received']));
    }

    /**
     * Whether "Repair instant updates" would help.
     */
    public function hookNeedsRepair(): bool
    {
        $isForeign = $this->hook['refused'] > $this->hook['received'] && $this->hook['refusal'] === 'NO_MATCH';
        return $isForeign || ($this->connection !== null && $this->connection['endpoint'] === '' && $this->status['version'] > 0);
    }

    private function cause(): string
    {
        $status = $this->status;
        if (Secrets::key($this->id) === '') {
            return 'no_key';
        }
        if ($status['reason'] !== '') {
            return $status['reason'];
        }
        if ($status['key_ends'] > 0 && $status['key_ends'] < time() + self::KEY_WARNING_S) {
            return 'key_ending';
        }
        $isSigned = in_array($this->hook['refusal'], ['TOO_OLD', 'FROM_THE_FUTURE'], true);
        if (abs($status['skew']) > self::MAX_SKEW_S || ($isSigned && $this->hook['refused'] > $this->hook['received'])) {
            return 'clock';
        }
        if (Schedule::tasksDoNotRun($this->id)) {
            return 'cron';
        }
        return $status['too_many'] ? 'too_many' : '';
    }

    private function judge(): string
    {
        if ($this->connection === null) {
            return self::NOT_CONNECTED;
        }
        if ($this->reason === '') {
            return $this->status['version'] > 0 ? self::HEALTHY : self::STALE;
        }
        $lasts = $this->status['failing_since'] > 0 && $this->status['failing_since'] < time() - self::PATIENCE_S;
        return in_array($this->reason, self::PASSING, true) && !$lasts ? self::STALE : self::ATTENTION;
    }
}
