<?php

/**
 * Finds classes: Sedifex\ShopPage is in class-shop-page.php beside this file.
 *
 * @package Sedifex
 */

namespace Sedifex;

defined('ABSPATH') || exit;

spl_autoload_register(static function (string $name): void {
    if (strpos($name, __NAMESPACE__ . '\\') !== 0) {
        return;
    }
    $words = preg_replace('/(?<!^)(?=[A-Z])/', '-', substr($name, strlen(__NAMESPACE__) + 1));
    $file = __DIR__ . '/class-' . strtolower($words) . '.php';
    if (is_file($file)) {
        require $file;
    }
});
