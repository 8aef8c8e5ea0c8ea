<?php

namespace Sedifex\Tests;

use Sedifex\Connections;
use Sedifex\Schedule;
use Sedifex\Secrets;
use Sedifex\Subscription;

final class WebhookTest extends TestCase
{
    protected function setUp(): void
    {
        parent::setUp();
        $this->connect('a');
        self::assertTrue(Subscription::start(self::ID));
        remove_all_actions('shutdown');
    }

    protected function tearDown(): void
    {
        remove_all_filters('rest_pre_serve_request');
        parent::tearDown();
    }

    public function testNewsIsTakenAndTheShopIsReadAfterwards(): void
    {
        self::assertSame(204, $this->deliver('evt_1')->get_status());
        self::assertTrue(Schedule::hasNews(self::ID));
        $this->sedifex->put('a', ['displayName' => 'New']);
        \Sedifex\Webhook::readNow();
        self::assertStringContainsString('New', $this->page());
        self::assertGreaterThan(0, Subscription::state(self::ID)['received']);
    }

    public function testAReplayChangesNothing(): void
    {
        $this->deliver('evt_1');
        Schedule::takeNews(self::ID);
        self::assertSame(204, $this->deliver('evt_1')->get_status());
        self::assertFalse(Schedule::hasNews(self::ID));
    }

    public function testWhatIsOldEarlyUnsignedOrSignedByOthersIsRefused(): void
    {
        foreach ([-301, 301] as $off) {
            self::assertSame(400, $this->deliver('evt_1', 'whsec_first', time() + $off)->get_status());
        }
        self::assertSame(400, $this->deliver('evt_1', 'whsec_other')->get_status());
        self::assertSame(400, $this->deliver('evt_1', '')->get_status());
        self::assertFalse(Schedule::hasNews(self::ID));
    }

    public function testNobodyDeliversToAShopThatIsNotConnected(): void
    {
        Secrets::forgetWebhookSecrets(self::ID);
        self::assertSame(400, $this->deliver('evt_1', '')->get_status());
    }

    public function testBothSecretsHoldWhileOneTakesTheOthersPlace(): void
    {
        self::assertTrue(Subscription::repair(self::ID));
        self::assertSame(['whsec_second', 'whsec_first'], Secrets::webhookSecrets(self::ID));
        self::assertSame(204, $this->deliver('evt_1', 'whsec_first')->get_status());
        self::assertSame(204, $this->deliver('evt_2', 'whsec_second')->get_status());
    }

    public function testATestEventReadsNothing(): void
    {
        self::assertSame(204, $this->deliver('evt_1', 'whsec_first', null, 'test.ping')->get_status());
        self::assertFalse(Schedule::hasNews(self::ID));
    }

    public function testDeliveriesThatAreTooOldTellOfAWrongClock(): void
    {
        $this->deliver('evt_1', 'whsec_first', time() - 4000);
        self::assertSame('clock', \Sedifex\Health::of(self::ID)->reason);
    }

    public function testAKeyThatMayNotAskForNewsLeavesTheShopHealthy(): void
    {
        Connections::change(self::ID, ['endpoint' => '']);
        $this->sedifex->next = [Sedifex::refusal(403)];
        self::assertFalse(Subscription::start(self::ID));
        self::assertSame('webhook_forbidden', Subscription::state(self::ID)['reason']);
        self::assertSame('healthy', $this->level());
        self::assertSame('recommended', \Sedifex\SiteHealth::testUpdates()['status']);
    }

    public function testAnEndpointThatWasDeletedOrMovedIsMadeAgain(): void
    {
        $this->sedifex->next = [Sedifex::refusal(404)];
        $this->sedifex->asked = [];
        Subscription::tend(self::ID);
        self::assertContains('POST', array_column($this->sedifex->asked, 'method'));
        self::assertSame('stores/st_makola/webhookEndpoints/whe_1', Connections::find(self::ID)['endpoint']);
    }

    private function deliver(
        string $event,
        string $secret = 'whsec_first',
        ?int $at = null,
        string $type = 'product.updated'
    ): \WP_REST_Response {
        $body = (string) wp_json_encode(['id' => $event, 'type' => $type, 'data' => ['productId' => 'a']]);
        $at = $at ?? time();
        $request = new \WP_REST_Request('POST', '/sedifex/v1/webhook/' . self::ID);
        $request->set_body($body);
        $request->set_header('Content-Type', 'application/json');
        if ($secret !== '') {
            $request->set_header('X-Sedifex-Signature', "t=$at,v1=" . hash_hmac('sha256', "$at.$body", $secret));
        }
        return rest_get_server()->dispatch($request);
    }
}
