<?php
/**
 * What a web server's configuration does for WordPress, for PHP's own server: files are served, all else is index.php.
 */

$path = $_SERVER['DOCUMENT_ROOT'] . parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if (is_file($path) || (is_dir($path) && is_file(rtrim($path, '/') . '/index.php'))) {
    return false;
}
$_SERVER['SCRIPT_NAME'] = '/index.php';
require $_SERVER['DOCUMENT_ROOT'] . '/index.php';
