<?php

namespace Sedifex\Tests;

use Sedifex\Price;
use Sedifex\Product;
use Sedifex\Stock;
use Sedifex\WhatsApp;

final class WordsTest extends TestCase
{
    public function numbers(): array
    {
        return [
            'as at home' => ['024 412 3456', 'GH', '233244123456'],
            'with two zeros' => ['00233 24 412 3456', 'GH', '233244123456'],
            'with a plus' => ['+233 (0)24-412-3456', 'GH', '233244123456'],
            'without either' => ['233244123456', 'GH', '233244123456'],
            'without the zero' => ['244123456', 'GH', '233244123456'],
            'no country told' => ['0244123456', '', '233244123456'],
            'Nigeria' => ['0803 123 4567', 'NG', '2348031234567'],
            'Ivory Coast keeps its zero' => ['07 12 34 56 78', 'CI', '2250712345678'],
            'a country that is not known' => ['012 345 678', 'XX', ''],
            'abroad' => ['+44 20 7946 0018', 'GH', '442079460018'],
            'too short' => ['0244', 'GH', ''],
            'none' => ['', 'GH', ''],
            'words' => ['ask at the counter', 'GH', ''],
        ];
    }

    /**
     * @dataProvider numbers
     */
    public function testNumbersAreMadeWhatWhatsAppWants(string $written, string $country, string $number): void
    {
        self::assertSame($number, WhatsApp::number($written, $country));
    }

    public function prices(): array
    {
        return [
            ['45.00', 'GHS', 'GH₵45.00'],
            ['0.00', 'GHS', 'GH₵0.00'],
            ['1250.5', 'GHS', 'GH₵1,250.50'],
            ['999999999999.99', 'GHS', 'GH₵999,999,999,999.99'],
            ['12', 'USD', '$12.00'],
            ['1500', 'XOF', 'CFA 1,500'],
            ['45.00', 'CHF', "CHF\u{00a0}45.00"],
        ];
    }

    /**
     * @dataProvider prices
     */
    public function testPricesAreWrittenAsPeopleWriteThem(string $amount, string $currency, string $text): void
    {
        self::assertSame($text, Price::text($amount, $currency));
    }

    public function testStockIsToldInWords(): void
    {
        $say = static function (array $fields): string {
            $given = ['name' => 'stores/st_makola/products/p', 'displayName' => 'P'] + $fields;
            return Stock::of(Product::read($given, 'st_makola'))['text'];
        };
        self::assertSame('In stock', $say(['availability' => 'AVAILABILITY_IN_STOCK', 'stockCount' => 32]));
        self::assertSame('Only 3 left', $say(['availability' => 'AVAILABILITY_LOW_STOCK', 'stockCount' => 3]));
        self::assertSame('Out of stock', $say(['availability' => 'AVAILABILITY_OUT_OF_STOCK', 'stockCount' => 0]));
        self::assertSame('Out of stock', $say(['availability' => 'AVAILABILITY_OUT_OF_STOCK', 'stockCount' => -2]));
        self::assertSame('', $say(['availability' => 'AVAILABILITY_NOT_TRACKED']));
        self::assertSame('By appointment', $say(['itemType' => 'ITEM_TYPE_SERVICE']));
        self::assertSame('Made to order', $say(['itemType' => 'ITEM_TYPE_MADE_TO_ORDER']));
    }

    public function testFrenchIsSpoken(): void
    {
        $file = dirname((string) realpath(\Sedifex\FILE)) . '/languages/sedifex-fr_FR.mo';
        self::assertTrue(load_textdomain('sedifex', $file, 'fr_FR'));
        try {
            $product = Product::read(
                ['name' => 'stores/st_makola/products/p', 'displayName' => 'P', 'price' => ['amount' => '1', 'currencyCode' => 'XOF']]
                    + ['availability' => 'AVAILABILITY_LOW_STOCK', 'stockCount' => 3],
                'st_makola'
            );
            self::assertSame('Commander sur WhatsApp', WhatsApp::label($product));
            self::assertSame('Plus que 3', Stock::of($product)['text']);
        } finally {
            unload_textdomain('sedifex', true);
        }
    }
}
