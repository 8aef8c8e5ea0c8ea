<?php

/**
 * The block as the page gets it.
 *
 * @package Sedifex
 * @var array $attributes
 */

defined('ABSPATH') || exit;

// phpcs:ignore WordPress.Security.EscapeOutput -- Renderer escapes each piece where it is put together.
echo Sedifex\Renderer::render($attributes, get_block_wrapper_attributes());
