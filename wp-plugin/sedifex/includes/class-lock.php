<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * Lets one request at a time read a shop. It runs out, so that one that died holds nobody up.
 */
final class Lock
{
    public const LIFETIME_S = 45;

    private string $name;
    private string $value;

    private function __construct(string $name, string $value)
    {
        $this->name = $name;
        $this->value = $value;
    }

    /**
     * The lock of a connection, or null while somebody else has it.
     */
    public static function take(string $id): ?self
    {
        $name = "sedifex_lock_$id";
        $value = self::newValue();
        if (Options::insert($name, $value)) {
            return new self($name, $value);
        }
        $held = (string) Options::fresh($name, '');
        if ((int) $held < time() && Options::replace($name, $held, $value)) {
            return new self($name, $value);
        }
        return null;
    }

    /**
     * Whether somebody has the lock now.
     */
    public static function isHeld(string $id): bool
    {
        return (int) Options::fresh("sedifex_lock_$id", '0') >= time();
    }

    /**
     * Starts its lifetime anew; answers false if it has run out and somebody else has it.
     */
    public function renew(): bool
    {
        $value = self::newValue();
        $isOurs = Options::replace($this->name, $this->value, $value);
        $this->value = $isOurs ? $value : $this->value;
        return $isOurs;
    }

    /**
     * Gives it back.
     */
    public function release(): void
    {
        Options::remove($this->name, $this->value);
    }

    /**
     * Takes the lock of a connection away, whoever has it.
     */
    public static function forget(string $id): void
    {
        delete_option("sedifex_lock_$id");
    }

    private static function newValue(): string
    {
        return (time() + self::LIFETIME_S) . ':' . wp_generate_password(12, false);
    }
}
