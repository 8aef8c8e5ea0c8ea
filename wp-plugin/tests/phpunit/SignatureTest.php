<?php

namespace Sedifex\Tests;

use Sedifex\Signature;

final class SignatureTest extends TestCase
{
    public function vectorCases(): iterable
    {
        $vectors = self::vectors('signatures.json');
        foreach ($vectors['cases'] as $case) {
            yield $case['name'] => [$case, $vectors['now']];
        }
    }

    /**
     * @dataProvider vectorCases
     */
    public function testEveryDeliveryIsJudgedAsItsVectorSays(array $case, int $now): void
    {
        $header = $case['headers']['X-Sedifex-Signature'] ?? '';
        $refusal = Signature::refusal($header, $case['body'], [$case['secret']], $now);
        self::assertSame($case['valid'] ? '' : $case['reason'], $refusal);
    }

    public function testEitherOfTwoSecretsWillDo(): void
    {
        $header = 't=100,v1=' . hash_hmac('sha256', '100.{}', 'whsec_old');
        self::assertSame('', Signature::refusal($header, '{}', ['whsec_new', 'whsec_old'], 100));
        self::assertSame('NO_MATCH', Signature::refusal($header, '{}', ['whsec_new'], 100));
        self::assertSame('NO_MATCH', Signature::refusal($header, '{}', [], 100));
    }
}
