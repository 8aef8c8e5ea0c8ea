<?php

/**
 * Loads the WordPress of a test site before PHPUnit begins. WordPress counts on global scope, so this file is prepended
 * (php -d auto_prepend_file=…) and not required by PHPUnit.
 */

// phpcs:disable

$_SERVER += ['HTTP_HOST' => '127.0.0.1', 'SERVER_NAME' => '127.0.0.1', 'REQUEST_METHOD' => 'GET', 'REQUEST_URI' => '/'];
define('WP_ADMIN', true);
define('WP_DISABLE_FATAL_ERROR_HANDLER', true);
require getenv('SEDIFEX_TEST_SITE') . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/admin.php';
spl_autoload_register(static function (string $name): void {
    $file = __DIR__ . '/' . substr($name, strlen('Sedifex\\Tests\\')) . '.php';
    if (strpos($name, 'Sedifex\\Tests\\') === 0 && is_file($file)) {
        require $file;
    }
});
