<?php

/**
 * Plugin Name:       Sedifex
 * Plugin URI:        https://sedifex.com
 * Description:       Shows your Sedifex shop on your website: prices and stock that are always up to date, and an order button for WhatsApp.
 * Version:           0.1.0
 * Requires at least: 6.5
 * Requires PHP:      7.4
 * Author:            Sedifex
 * License:           GPL-2.0-or-later
 * License URI:       https://www.gnu.org/licenses/gpl-2.0.html
 * Text Domain:       sedifex
 * Domain Path:       /languages
 *
 * @package Sedifex
 */

namespace Sedifex;

defined('ABSPATH') || exit;

const VERSION = '0.1.0';
const FILE = __FILE__;

require __DIR__ . '/includes/autoload.php';

Plugin::boot();
