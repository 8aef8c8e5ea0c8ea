<?php

defined('ABSPATH') || exit;

return [
    'dependencies' => ['wp-block-editor', 'wp-blocks', 'wp-components', 'wp-element', 'wp-server-side-render'],
    'version' => Sedifex\VERSION,
];
