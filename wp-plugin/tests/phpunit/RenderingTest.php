<?php

namespace Sedifex\Tests;

use Sedifex\StructuredData;

final class RenderingTest extends TestCase
{
    private const NASTY = '</script><script>alert("x")</script>\'"><img src=x onerror=alert(1)>';

    public function testShortcodeAndBlockRenderTheSame(): void
    {
        $this->connect('a', 'b', 'c');
        $short = do_shortcode('[sedifex_products limit="2" show_whatsapp="no" heading="4"]');
        $attributes = ['limit' => 2, 'showWhatsapp' => false, 'heading' => 4];
        $block = do_blocks('<!-- wp:sedifex/products ' . wp_json_encode($attributes) . ' /-->');
        self::assertSame($short, $block);
        self::assertSame(2, substr_count($short, '<li'));
        self::assertStringContainsString('<h4 class="sedifex-card__name">', $short);
        self::assertStringNotContainsString('wa.me', $short);
    }

    public function testWhatAProductIsCalledRunsNothing(): void
    {
        $this->sedifex->put('evil', [
            'displayName' => self::NASTY,
            'description' => self::NASTY,
            'category' => self::NASTY,
            'images' => [['uri' => 'https://images.example/a.jpg"onload=', 'altText' => self::NASTY], ['uri' => 'javascript:alert(1)']],
        ]);
        $this->connect();
        ob_start();
        echo $this->page(['show_category' => true, 'show_description' => true]);
        StructuredData::show();
        $html = (string) ob_get_clean();
        $page = new \DOMDocument();
        @$page->loadHTML('<?xml encoding="utf-8"?>' . $html);
        $scripts = $page->getElementsByTagName('script');
        self::assertSame(1, $scripts->length, 'the structured data and nothing else');
        self::assertSame('application/ld+json', $scripts->item(0)->getAttribute('type'));
        self::assertSame(self::NASTY, json_decode($scripts->item(0)->textContent, true)['itemListElement'][0]['item']['name']);
        foreach ($page->getElementsByTagName('*') as $element) {
            self::assertFalse($element->hasAttribute('onerror') || $element->hasAttribute('onload'));
        }
        self::assertStringNotContainsString('javascript:', $html);
    }

    public function testThePriceMayBeToBeAskedForAndZeroIsAPrice(): void
    {
        $this->sedifex->put('ask');
        unset($this->sedifex->products['ask']['price']);
        $this->sedifex->put('free', ['price' => ['amount' => '0.00', 'currencyCode' => 'GHS']]);
        $this->sedifex->put('less', ['compareAtPrice' => ['amount' => '60.00', 'currencyCode' => 'GHS']]);
        $this->connect();
        $html = $this->page();
        self::assertStringContainsString('Ask for price', $html);
        self::assertStringContainsString('GH₵0.00', $html);
        self::assertStringContainsString('<s class="sedifex-card__was">GH₵60.00</s>', $html);
        self::assertStringContainsString('what%20is%20the%20price', $html);
    }

    public function testAnotherCurrencyIsShownWhereTheShopHasSetAPriceInIt(): void
    {
        $this->sedifex->put('both', ['otherPrices' => [['currencyCode' => 'USD', 'amount' => '4.50']]]);
        $this->sedifex->put('own');
        $this->connect();
        $html = $this->page(['currency' => 'USD']);
        self::assertStringContainsString('$4.50', $html);
        self::assertStringContainsString('GH₵45.00', $html);
    }

    public function testServicesAreBookedAndWhatIsOutOfStockIsAskedFor(): void
    {
        $this->sedifex->put('braids', ['itemType' => 'ITEM_TYPE_SERVICE', 'availability' => 'AVAILABILITY_NOT_TRACKED']);
        $this->sedifex->put('gone', ['availability' => 'AVAILABILITY_OUT_OF_STOCK', 'stockCount' => 0]);
        $this->connect();
        $html = $this->page();
        self::assertStringContainsString('Book on WhatsApp', $html);
        self::assertStringContainsString('Ask on WhatsApp', $html);
        self::assertStringContainsString('Out of stock', $html);
        self::assertStringContainsString('https://wa.me/233244123456?text=', $html);
    }

    public function testAttributesChooseAndSort(): void
    {
        $price = static function (string $amount): array {
            return ['price' => ['currencyCode' => 'GHS', 'amount' => $amount]];
        };
        $this->sedifex->put('a', ['displayName' => 'Shito', 'category' => 'Food', 'sku' => 'SH', 'sortOrder' => 3] + $price('9.00'));
        $this->sedifex->put('b', ['displayName' => 'Ankara', 'category' => 'Fashion', 'sortOrder' => 2] + $price('320.00'));
        $this->sedifex->put('c', ['displayName' => 'Gari', 'category' => 'food', 'sortOrder' => 1, 'availability' => 'AVAILABILITY_OUT_OF_STOCK'] + $price('38.00'));
        $this->connect();
        $names = function (array $attributes): array {
            preg_match_all('/card__name">([^<]+)</', $this->page($attributes), $found);
            return $found[1];
        };
        self::assertSame(['Gari', 'Ankara', 'Shito'], $names([]));
        self::assertSame(['Shito', 'Gari', 'Ankara'], $names(['orderby' => 'price']));
        self::assertSame(['Ankara', 'Gari', 'Shito'], $names(['orderby' => 'price-desc']));
        self::assertSame(['Ankara', 'Gari', 'Shito'], $names(['orderby' => 'name']));
        self::assertSame(['Gari', 'Shito'], $names(['category' => 'FOOD']));
        self::assertSame(['Ankara', 'Shito'], $names(['in_stock' => 'yes']));
        self::assertSame(['Shito', 'Gari'], $names(['ids' => 'sh, c, nothing']));
        self::assertSame(['Gari'], $names(['limit' => 1]));
        self::assertSame([], $names(['category' => 'Toys']));
        self::assertSame(['Gari', 'Ankara', 'Shito'], $names(['limit' => -5000]) + $names(['limit' => 5000]));
    }

    public function testPicturesHaveTheirSizeAndOnlyTheFirstRowIsLoadedAtOnce(): void
    {
        foreach (range(1, 6) as $number) {
            $uri = $number === 1 ? 'https://cdn.shopify.com/s/a.jpg' : 'https://images.example/a.jpg';
            $image = ['uri' => $uri, 'altText' => 'A tub', 'widthPixels' => 800, 'heightPixels' => 600];
            $this->sedifex->put("p$number", ['images' => [$image], 'sortOrder' => $number]);
        }
        $this->connect();
        $html = $this->page(['columns' => 3]);
        self::assertSame(3, substr_count($html, 'loading="eager"'));
        self::assertSame(3, substr_count($html, 'loading="lazy"'));
        self::assertSame(6, substr_count($html, 'width="800" height="600"'));
        self::assertStringContainsString('a.jpg?width=360 360w', $html);
        self::assertStringContainsString('https://images.example/a.jpg 800w', $html);
    }

    public function testAPageViewAsksSedifexForNothingAndLoadsNoProducts(): void
    {
        $this->connect(...array_map('strval', range(1, 24)));
        $this->page();
        $this->sedifex->asked = [];
        wp_cache_flush();
        global $wpdb;
        $before = $wpdb->num_queries;
        $this->page();
        self::assertSame([], $this->sedifex->asked);
        self::assertLessThanOrEqual(3, $wpdb->num_queries - $before);
        self::assertFalse(wp_cache_get('sedifex_snapshot_' . self::ID, 'options'));
    }

    public function testAViewIsMadeAnewWhenTheShopOrItsWordsChange(): void
    {
        $this->connect('a');
        self::assertStringContainsString('GH₵45.00', $this->page());
        $this->sedifex->put('a', ['price' => ['currencyCode' => 'GHS', 'amount' => '48.00']]);
        \Sedifex\Sync::now(self::ID, 10);
        self::assertStringContainsString('GH₵48.00', $this->page());
        \Sedifex\Connections::change(self::ID, ['whatsapp' => '0200000000']);
        self::assertStringContainsString('wa.me/233200000000', $this->page());
    }

    public function testOnlyTheMerchantIsToldWhereNothingIsConnected(): void
    {
        self::assertSame('', $this->page());
        wp_set_current_user(1);
        self::assertStringContainsString('Connect your shop', $this->page());
    }

    public function testATemplateOfTheThemeTakesThePlaceOfOurs(): void
    {
        $folder = get_stylesheet_directory() . '/sedifex';
        $script = 'require getenv("SEDIFEX_TEST_SITE") . "/wp-load.php"; $r = new ReflectionMethod("Sedifex\Renderer", "template");'
            . '$r->setAccessible(true); echo $r->invoke(null);';
        @mkdir($folder);
        file_put_contents("$folder/product-card.php", '<?php echo "ours";');
        exec('php -r ' . escapeshellarg($script), $output);
        unlink("$folder/product-card.php");
        rmdir($folder);
        self::assertSame(["$folder/product-card.php"], $output);
    }

    public function testStructuredDataIsPrintedOncePerPageForAllLists(): void
    {
        $this->connect('a', 'b');
        $this->page(['ids' => 'a']);
        $this->page();
        ob_start();
        StructuredData::show();
        StructuredData::show();
        $html = (string) ob_get_clean();
        self::assertSame(1, substr_count($html, 'ld+json'));
        $list = json_decode(wp_strip_all_tags(str_replace(['<script', '</script>'], ['<b', '</b>'], $html)), true);
        self::assertSame('ItemList', $list['@type']);
        self::assertCount(2, $list['itemListElement']);
        $offer = $list['itemListElement'][0]['item']['offers'];
        self::assertSame(['45.00', 'GHS', 'https://schema.org/InStock'], [$offer['price'], $offer['priceCurrency'], $offer['availability']]);
    }
}
