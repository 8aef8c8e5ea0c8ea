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
    if (in_array($host, ['127.0.0.1', 'localhost'], true) || substr($host, -8) === '.invalid') {
        return $answer;
    }
    // WordPress asks for its own updates now and then: as if the network were down, at once.
    return new WP_Error('http_request_failed', 'This site asks nobody outside this machine.');
}, 10, 3);
// Nobody is asked for new versions of anything, nor is there a complaint that nobody answers.
foreach (['core', 'plugins', 'themes'] as $sedifex_what) {
    add_filter("pre_site_transient_update_$sedifex_what", function () {
        return (object) ['last_checked' => time(), 'updates' => [], 'response' => [], 'version_checked' => get_bloginfo('version')];
    });
}
// A certificate that a test has made is trusted when the test says so.
add_filter('http_request_args', function ($arguments) {
    $trusted = getenv('SEDIFEX_TEST_CERTIFICATE');
    return $trusted ? ['sslcertificates' => $trusted] + $arguments : $arguments;
});
