<?php

namespace Sedifex\Tests;

use Sedifex\Connections;
use Sedifex\Options;
use Sedifex\Secrets;
use Sedifex\Sync;

/**
 * A test with a clean plugin, a shop at Sedifex, and nobody signed in.
 */
abstract class TestCase extends \PHPUnit\Framework\TestCase
{
    protected const ID = 'st_makola';

    protected Sedifex $sedifex;

    protected function setUp(): void
    {
        $this->sedifex = new Sedifex();
        wp_set_current_user(0);
        // What a test before has rendered for a page.
        ob_start();
        \Sedifex\StructuredData::show();
        ob_end_clean();
    }

    protected function tearDown(): void
    {
        foreach (array_keys(Connections::all()) as $id) {
            Connections::remove($id);
        }
        \Sedifex\Schedule::stop();
        \Sedifex\ShopPages::removeUntouched();
        Options::removeAll('sedifex_');
        $this->sedifex->close();
        remove_all_actions('sedifex_products_changed');
        remove_all_actions('litespeed_purge_post');
    }

    /**
     * Connects the shop, with products of these ids, and reads it.
     */
    protected function connect(string ...$products): void
    {
        foreach ($products as $product) {
            $this->sedifex->put($product);
        }
        $store = ['name' => 'stores/' . self::ID, 'displayName' => 'Makola Corner Shop', 'currencyCode' => 'GHS'];
        $store += ['whatsappNumber' => '024 412 3456', 'country' => 'GH', 'city' => 'Accra'];
        Connections::add(Sedifex::ADDRESS, $store);
        Secrets::setKey(self::ID, Sedifex::KEY);
        self::assertSame('done', Sync::now(self::ID, 10));
        $this->sedifex->asked = [];
    }

    protected function status(): array
    {
        return \Sedifex\Status::fresh(self::ID);
    }

    protected function level(): string
    {
        return \Sedifex\Health::of(self::ID)->level;
    }

    /**
     * Makes as if the shop had been read so long ago.
     */
    protected function age(int $seconds): void
    {
        $status = $this->status();
        foreach (['checked', 'next_retry', 'failing_since', 'full'] as $field) {
            $status[$field] = $status[$field] > 0 ? $status[$field] - $seconds : 0;
        }
        update_option('sedifex_status_' . self::ID, $status, false);
    }

    protected function page(array $attributes = []): string
    {
        return \Sedifex\Renderer::render($attributes);
    }

    /**
     * @return mixed the root's file, read as JSON.
     */
    protected static function vectors(string $name)
    {
        return json_decode((string) file_get_contents(getenv('SEDIFEX_TEST_VECTORS') . "/$name"), true);
    }
}
