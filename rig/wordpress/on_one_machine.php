<?php
/**
 * A must-use plugin for sites of tests: API and site live on one machine, and nothing goes out into the world.
 */

add_filter('http_request_host_is_external', '__return_true');
add_filter('http_allowed_safe_ports', function () {
    return range(1, 65535);
});
add_filter('pre_wp_mail', '__return_true');
add_filter('pre_http_request', function ($answer, $arguments, $url) {
    $host = (string) wp_parse_url($url, PHP_URL_HOST);
    if ($answer !== false || in_array($host, ['127.0.0.1', 'localhost'], true) || substr($host, -8) === '.invalid') {
        return $answer;
    }
    if ($host === 'api.wordpress.org') {
        // WordPress asks for its own updates now and then: there are none.
        $nothing = ['offers' => [], 'plugins' => [], 'themes' => [], 'translations' => [], 'no_update' => []];
        return ['response' => ['code' => 200, 'message' => 'OK'], 'headers' => [], 'cookies' => [], 'body' => wp_json_encode($nothing)];
    }
    return new WP_Error('http_request_failed', 'This site asks nobody outside this machine.');
}, 10, 3);
// A certificate that a test has made is trusted when the test says so.
add_filter('http_request_args', function ($arguments) {
    $trusted = getenv('SEDIFEX_TEST_CERTIFICATE');
    return $trusted ? ['sslcertificates' => $trusted] + $arguments : $arguments;
});
// It is in no merchant's bar.
add_action('admin_bar_menu', function ($bar) {
    $bar->remove_node('sqlite-db-integration');
}, 1000);
