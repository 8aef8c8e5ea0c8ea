<?php

/**
 * Takes away everything that the plugin has kept, on every site of a network. Pages that the merchant has changed stay.
 *
 * @package Sedifex
 */

namespace Sedifex;

defined('WP_UNINSTALL_PLUGIN') || exit;

require_once __DIR__ . '/includes/autoload.php';

Uninstaller::run();
