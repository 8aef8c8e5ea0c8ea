<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * The picture of a product as HTML: with its size, so that nothing jumps, and in several sizes where its server makes
 * them.
 */
final class Picture
{
    /** What `html` consists of, as wp_kses() takes it. */
    public const TAGS = [
        'img' => [
            'class' => true, 'src' => true, 'srcset' => true, 'sizes' => true, 'alt' => true, 'width' => true,
            'height' => true, 'loading' => true, 'decoding' => true,
        ],
        'span' => ['class' => true, 'aria-hidden' => true],
    ];
    private const WIDTHS = [240, 360, 480, 720, 960];

    /**
     * The img element; a quiet stand-in where there is no picture.
     */
    public static function html(array $product, int $columns, bool $isEager): string
    {
        $image = $product['images'][0] ?? null;
        if ($image === null) {
            return '<span class="sedifex-card__blank" aria-hidden="true">' . esc_html(self::initial($product['name'])) . '</span>';
        }
        [$width, $height] = $image['width'] && $image['height'] ? [$image['width'], $image['height']] : [800, 800];
        $attributes = [
            'class' => 'sedifex-card__image',
            'src' => self::atWidth($image['uri'], 720),
            'srcset' => self::srcset($image['uri'], $image['width']),
            'sizes' => self::sizes($columns),
            'alt' => $image['alt'],
            'width' => (string) $width,
            'height' => (string) $height,
            'loading' => $isEager ? 'eager' : 'lazy',
            'decoding' => 'async',
        ];
        $html = '<img';
        foreach ($attributes as $name => $value) {
            $value = $name === 'src' ? esc_url($value) : esc_attr($value);
            $html .= $value === '' && $name !== 'alt' ? '' : " $name=\"$value\"";
        }
        return "$html>";
    }

    /**
     * Candidates by width. Servers that are known to resize are asked for each; of others there is the picture itself.
     */
    private static function srcset(string $uri, int $width): string
    {
        $candidates = [];
        foreach (self::WIDTHS as $each) {
            $sized = self::atWidth($uri, $each);
            if ($sized !== $uri && ($width === 0 || $each <= $width)) {
                $candidates[] = esc_url($sized) . " {$each}w";
            }
        }
        if (!$candidates && $width > 0) {
            $candidates[] = esc_url($uri) . " {$width}w";
        }
        /**
         * Filters the srcset of a product's picture, for pictures on servers that the plugin does not know.
         */
        return (string) apply_filters('sedifex_picture_srcset', implode(', ', $candidates), $uri, $width);
    }

    private static function sizes(int $columns): string
    {
        $share = (int) ceil(100 / max(1, $columns ?: 4));
        return "(max-width: 480px) 46vw, (max-width: 900px) 31vw, {$share}vw";
    }

    private static function atWidth(string $uri, int $width): string
    {
        $host = (string) wp_parse_url($uri, PHP_URL_HOST);
        if ($host === 'cdn.shopify.com') {
            return add_query_arg('width', $width, $uri);
        }
        if (preg_match('/^i[0-3]\.wp\.com$/', $host)) {
            return add_query_arg('w', $width, remove_query_arg(['w', 'h', 'resize', 'fit'], $uri));
        }
        if ($host === 'res.cloudinary.com') {
            return (string) preg_replace('#/upload/(?!w_)#', "/upload/w_$width,c_limit/", $uri, 1);
        }
        return $uri;
    }

    private static function initial(string $name): string
    {
        return Text::upper(mb_substr(trim($name), 0, 1));
    }
}
