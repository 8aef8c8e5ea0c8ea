<?php

namespace Sedifex\Tests;

use Sedifex\Connections;
use Sedifex\Lock;
use Sedifex\Schedule;
use Sedifex\Snapshot;
use Sedifex\Sync;

final class SyncTest extends TestCase
{
    public function testALargeShopIsReadPageByPageAndShownWhole(): void
    {
        $this->sedifex->pageSize = 2;
        $this->connect('a', 'b', 'c', 'd', 'e');
        self::assertSame(['a', 'b', 'c', 'd', 'e'], array_keys(Snapshot::load(self::ID)->products));
        self::assertSame(5, $this->status()['count']);
    }

    public function testWhatIsFreshIsNotReadAgain(): void
    {
        $this->connect('a');
        self::assertSame('fresh', Sync::run(self::ID));
        self::assertSame([], $this->sedifex->asked);
    }

    public function testNothingNewCostsOneSmallRequestAndCountsAsSuccess(): void
    {
        $this->connect('a');
        $this->age(100);
        Sync::run(self::ID);
        $this->age(100);
        $this->sedifex->asked = [];
        self::assertSame('done', Sync::run(self::ID));
        self::assertCount(1, $this->sedifex->asked);
        self::assertNotEmpty($this->sedifex->asked[0]['headers']['If-None-Match']);
        self::assertSame('unchanged', $this->status()['attempts'][0]['kind']);
        self::assertSame('healthy', $this->level());
    }

    public function testOnlyWhatHasChangedIsRead(): void
    {
        $this->connect('a', 'b', 'c');
        $this->sedifex->put('b', ['displayName' => 'New name']);
        $this->sedifex->take('c');
        $this->age(100);
        self::assertSame('done', Sync::run(self::ID));
        self::assertCount(1, $this->sedifex->asked);
        $products = Snapshot::load(self::ID)->products;
        self::assertSame(['Product a', 'New name'], array_column($products, 'name'));
        self::assertSame(2, $this->status()['attempts'][0]['changed']);
    }

    public function testEverythingIsReadOnceAnHour(): void
    {
        $this->connect('a');
        $this->age(3700);
        self::assertSame('done', Sync::run(self::ID));
        self::assertSame('full', $this->status()['attempts'][0]['kind']);
    }

    public function testACursorThatIsTooOldBeginsAgainAndDropsWhatDoesNotComeAgain(): void
    {
        $this->connect('a', 'b');
        unset($this->sedifex->products['b']);
        $this->age(100);
        $this->sedifex->next = [Sedifex::refusal(400, 'CURSOR_EXPIRED')];
        self::assertSame('done', Sync::run(self::ID));
        self::assertSame(['a'], array_keys(Snapshot::load(self::ID)->products));
    }

    public function failures(): array
    {
        $curl = static function (string $message): \WP_Error {
            return new \WP_Error('http_request_failed', $message);
        };
        $half = '{"changes":[{"product":{"name":"stores/st_makola/products/a","displayName":"A"}}';
        $more = ['changes' => [['product' => ['name' => 'stores/st_makola/products/z', 'displayName' => 'Z']]], 'more' => true];
        return [
            'down' => [$curl('cURL error 7: Failed to connect'), 'refused', 'stale'],
            'slow' => [$curl('cURL error 28: Operation timed out after 10001 milliseconds'), 'timeout', 'stale'],
            'name service' => [$curl('cURL error 6: Could not resolve host: api.sedifex.example'), 'dns', 'attention'],
            'certificate' => [$curl('cURL error 60: SSL certificate problem: certificate has expired'), 'tls', 'attention'],
            'cut off' => [$curl('cURL error 18: transfer closed with 900 bytes remaining to read'), 'malformed', 'stale'],
            'blocked here' => [new \WP_Error('http_request_not_executed', 'User has blocked requests'), 'blocked', 'attention'],
            '401' => [Sedifex::refusal(401), 'unauthorized', 'attention'],
            '403' => [Sedifex::refusal(403), 'forbidden', 'attention'],
            '404' => [Sedifex::refusal(404), 'not_found', 'attention'],
            '429' => [Sedifex::refusal(429, '', ['Retry-After' => '77']), 'rate_limited', 'stale'],
            '503' => [Sedifex::refusal(503), 'unavailable', 'stale'],
            'html' => [Sedifex::reply(200, '<html>Hotel Wi-Fi: please sign in</html>'), 'malformed', 'stale'],
            'half a page' => [Sedifex::reply(200, $half), 'malformed', 'stale'],
            'a page without an end' => [Sedifex::reply(200, $more), 'malformed', 'stale'],
            'empty object' => [Sedifex::reply(200, '{}'), 'malformed', 'stale'],
            'empty text' => [Sedifex::reply(200, ''), 'malformed', 'stale'],
            'another shop' => [Sedifex::reply(200, ['changes' => [['product' => ['name' => 'stores/other/products/a', 'displayName' => 'A']]], 'nextCursor' => 'v9']), 'malformed', 'stale'],
            'redirect' => [Sedifex::reply(302, '', ['Location' => 'https://elsewhere.example']), 'malformed', 'stale'],
        ];
    }

    /**
     * @dataProvider failures
     * @param mixed $answer
     */
    public function testAFailureLeavesTheShopAsItIsAndIsToldAsWhatItIs($answer, string $reason, string $level): void
    {
        $this->connect('a', 'b');
        $page = $this->page();
        $this->age(100);
        $this->sedifex->next = [$answer];
        self::assertSame('failed', Sync::run(self::ID));
        self::assertSame($page, $this->page(), 'visitors see what they saw');
        $status = $this->status();
        self::assertSame([$reason, $level], [$status['reason'], $this->level()]);
        $panel = \Sedifex\Panel::html(self::ID);
        $cause = \Sedifex\Causes::of($reason);
        self::assertStringContainsString(esc_html($cause['cause']), $panel);
        self::assertStringContainsString(esc_html($cause['remedy']), $panel);
        if (\Sedifex\Causes::isFinal($reason)) {
            self::assertSame(0, $status['next_retry'], 'asking again would be of no use');
        } else {
            self::assertGreaterThanOrEqual(time() + 7, $status['next_retry']);
            $this->age(2000);
            self::assertSame('done', Sync::run(self::ID), 'it goes on by itself');
            self::assertSame('healthy', $this->level());
            self::assertSame($reason, $this->status()['last_failure']['reason'], 'and is remembered');
        }
    }

    public function testARetryIsNotMadeBeforeSedifexWantsIt(): void
    {
        $this->connect('a');
        $this->age(100);
        $this->sedifex->next = [Sedifex::refusal(429, '', ['Retry-After' => '300'])];
        Sync::run(self::ID);
        self::assertGreaterThanOrEqual(time() + 299, $this->status()['next_retry']);
        $this->age(100);
        Schedule::tellNews(self::ID);
        $this->sedifex->asked = [];
        self::assertSame('fresh', Sync::run(self::ID));
        self::assertSame([], $this->sedifex->asked, 'not even news brings it forward');
        self::assertStringContainsString('pause', \Sedifex\Health::of(self::ID)->syncRefusal());
    }

    public function testRetriesComeSlowerAndNotSlowerThanAQuarterOfAnHour(): void
    {
        $this->connect('a');
        $waits = [];
        for ($try = 0; $try < 12; $try++) {
            $this->age(5000);
            $this->sedifex->next = [Sedifex::refusal(503)];
            Sync::run(self::ID);
            $waits[] = $this->status()['next_retry'] - time();
        }
        self::assertLessThanOrEqual(12, $waits[0]);
        self::assertGreaterThan(60, $waits[4]);
        self::assertLessThanOrEqual(1080, max($waits));
        self::assertGreaterThanOrEqual(720, $waits[11]);
        self::assertCount(10, $this->status()['attempts']);
    }

    public function testAShopThatIsSuddenlyEmptyKeepsItsProductsUntilTheMerchantSaysSo(): void
    {
        $this->connect('a', 'b');
        $this->sedifex->products = [];
        $this->age(4000);
        self::assertSame('failed', Sync::run(self::ID));
        self::assertSame(['empty', 'attention'], [$this->status()['reason'], $this->level()]);
        self::assertStringContainsString('Product a', $this->page());
        Sync::acceptEmpty(self::ID);
        self::assertStringNotContainsString('Product a', $this->page());
        self::assertSame('healthy', $this->level());
    }

    public function testProductsThatWereTakenAwayOneByOneMayLeaveAnEmptyShop(): void
    {
        $this->connect('a', 'b');
        $this->sedifex->take('a');
        $this->sedifex->take('b');
        $this->age(4000);
        self::assertSame('done', Sync::run(self::ID));
        self::assertSame([0, 'healthy'], [$this->status()['count'], $this->level()]);
    }

    public function testNothingIsSeenOfAReadingThatFailsInItsMiddle(): void
    {
        $this->connect('a', 'b', 'c', 'd');
        $this->sedifex->pageSize = 2;
        $this->age(4000);
        $this->sedifex->put('a', ['displayName' => 'Changed']);
        $delta = Sedifex::reply(200, ['nextCursor' => 'v99']);
        $first = Sedifex::reply(200, ['changes' => [['product' => $this->sedifex->products['a']]], 'nextCursor' => 'p2', 'more' => true]);
        $this->sedifex->next = [$delta, $first, Sedifex::refusal(503)];
        self::assertSame('failed', Sync::run(self::ID));
        self::assertSame(4, count(Snapshot::load(self::ID)->products));
        self::assertStringContainsString('Product a', $this->page());
    }

    public function testALargeReadingGoesOnWhereItWasLeft(): void
    {
        $this->connect('a', 'b', 'c', 'd', 'e');
        $this->sedifex->pageSize = 2;
        self::assertSame('partial', Sync::now(self::ID, 0));
        self::assertSame('partial', Sync::now(self::ID, 0));
        self::assertSame('done', Sync::now(self::ID, 0));
        self::assertSame(5, $this->status()['count']);
    }

    public function testOneReadsAtATimeAndALockThatWasLeftRunsOut(): void
    {
        $this->connect('a');
        $this->age(100);
        $held = Lock::take(self::ID);
        self::assertNotNull($held);
        self::assertSame('busy', Sync::run(self::ID));
        update_option('sedifex_lock_' . self::ID, (time() - 1) . ':dead', false);
        self::assertSame('done', Sync::run(self::ID));
        self::assertFalse(Lock::isHeld(self::ID));
    }

    public function testNewsThatComesWhileTheShopIsReadHasItReadAgain(): void
    {
        $this->connect('a');
        $this->age(100);
        $this->sedifex->meanwhile = function (): void {
            Schedule::tellNews(self::ID);
        };
        Sync::run(self::ID);
        self::assertCount(2, $this->sedifex->asked);
        self::assertFalse(Schedule::hasNews(self::ID));
    }

    public function testAVisitOfAStalePageLeavesWordAndReadsNothingItself(): void
    {
        $this->connect('a');
        $this->age(100);
        $this->page();
        self::assertSame([], $this->sedifex->asked);
        Schedule::atShutdown();
        self::assertSame([], $this->sedifex->asked);
        self::assertNotFalse(wp_next_scheduled(Schedule::HOOK, [self::ID]));
    }

    public function testTasksThatDoNotRunAreNoticed(): void
    {
        $this->connect('a');
        $this->age(1000);
        $this->page();
        Schedule::atShutdown();
        self::assertSame('healthy', $this->level(), 'not at once');
        update_option('sedifex_wanted_' . self::ID, 'due:' . (time() - 400), false);
        self::assertSame(['attention', 'cron'], [$this->level(), \Sedifex\Health::of(self::ID)->reason]);
        Sync::now(self::ID, 10);
        self::assertSame('healthy', $this->level());
    }

    public function testAWrongClockIsNoticedByTheAnswersThatCome(): void
    {
        $this->sedifex->headers = ['Date' => gmdate('D, d M Y H:i:s', time() - 3600) . ' GMT'];
        $this->connect('a');
        self::assertSame(['attention', 'clock'], [$this->level(), \Sedifex\Health::of(self::ID)->reason]);
    }

    public function testARotatedKeyIsNoticedBeforeItsOverlapEndsAndANewOneEndsIt(): void
    {
        $this->connect('a');
        $this->sedifex->headers = ['X-Sedifex-Key-Expires' => gmdate('Y-m-d\TH:i:s\Z', time() + 4200)];
        $this->age(100);
        Sync::run(self::ID);
        $health = \Sedifex\Health::of(self::ID);
        self::assertSame(['attention', 'key_ending'], [$health->level, $health->reason]);
        self::assertStringContainsString('1 hour', \Sedifex\Panel::html(self::ID));
        $this->sedifex->headers = [];
        $this->age(100);
        Sync::run(self::ID);
        self::assertSame('healthy', $this->level());
    }

    public function testPageCachesAreToldOfChangesAndOfNothingElse(): void
    {
        $this->connect('a');
        $page = \Sedifex\ShopPages::create(Connections::find(self::ID));
        $purged = [];
        add_action('litespeed_purge_post', static function (int $post) use (&$purged): void {
            $purged[] = $post;
        });
        Sync::now(self::ID, 10);
        self::assertSame([], $purged);
        $this->sedifex->put('a', ['displayName' => 'Other']);
        Sync::now(self::ID, 10);
        self::assertSame([$page], $purged);
    }

    public function testOldProductsSayHowOldTheyAre(): void
    {
        $this->connect('a');
        $this->age(100);
        $this->sedifex->next = [Sedifex::refusal(401)];
        Sync::run(self::ID);
        self::assertStringNotContainsString('as of', $this->page());
        $this->age(2 * DAY_IN_SECONDS);
        self::assertStringContainsString('Please ask before you order', $this->page());
        self::assertStringContainsString('Product a', $this->page());
        self::assertStringNotContainsString('What to do', $this->page(), 'that is for the merchant');
        wp_set_current_user(1);
        self::assertStringContainsString('What to do', $this->page());
    }
}
