<?php

namespace Sedifex\Tests;

use Sedifex\Address;
use Sedifex\ConnectionCode;
use Sedifex\Failure;

final class ConnectionCodeTest extends TestCase
{
    public function vectorCases(): iterable
    {
        foreach (self::vectors('connection_codes.json')['cases'] as $case) {
            yield $case['name'] => [$case];
        }
    }

    /**
     * @dataProvider vectorCases
     */
    public function testEveryCodeIsReadAsItsVectorSays(array $case): void
    {
        try {
            $read = ConnectionCode::read($case['code']);
        } catch (Failure $failure) {
            self::assertSame([false, $case['reason'] ?? ''], [$case['valid'], $failure->reason]);
            return;
        }
        self::assertTrue($case['valid'], 'it must be refused');
        self::assertSame([$case['address'], $case['key']], [$read->address, $read->key]);
    }

    public function testAKeyIsSentOverHttpsOnlyUnlessTheSiteIsForDevelopment(): void
    {
        self::assertSame('http://127.0.0.1:8080', Address::check('http://127.0.0.1:8080/'));
        self::assertSame('https://api.example', Address::check('API.example'));
        $script = 'require getenv("SEDIFEX_TEST_SITE") . "/wp-load.php"; try { Sedifex\Address::check("http://127.0.0.1"); }'
            . 'catch (Sedifex\Failure $failure) { echo $failure->reason; }';
        exec('SEDIFEX_TEST_PRODUCTION=1 php -r ' . escapeshellarg($script), $output);
        self::assertSame(['address_insecure'], $output);
    }
}
