<?php

namespace Sedifex\Tests;

use Sedifex\Admin;
use Sedifex\AdminActions;
use Sedifex\Connections;
use Sedifex\Secrets;
use Sedifex\Sync;

final class SafetyTest extends TestCase
{
    private const WEBHOOK = 'whsec_first';

    public function testNoSecretIsInPagesAnswersDiagnosticsOrTheDatabase(): void
    {
        global $wpdb;
        $this->connect('a');
        \Sedifex\Subscription::start(self::ID);
        wp_set_current_user(1);
        ob_start();
        Admin::show();
        \Sedifex\Blocks::giveChoices();
        $shown = ob_get_clean() . $this->page() . \Sedifex\Diagnostics::text(self::ID);
        $shown .= wp_json_encode(rest_get_server()->dispatch(new \WP_REST_Request('GET', '/sedifex/v1/connections/st_makola/health'))->get_data());
        $shown .= wp_json_encode(\Sedifex\SiteHealth::addInformation([]));
        self::assertStringContainsString(substr(Sedifex::KEY, -4), $shown, 'the last four do');
        $stored = wp_json_encode($wpdb->get_results("SELECT * FROM $wpdb->options WHERE option_name LIKE 'sedifex%'"));
        foreach ([Sedifex::KEY, substr(Sedifex::KEY, 10, 30), self::WEBHOOK] as $secret) {
            self::assertStringNotContainsString($secret, $shown);
            self::assertStringNotContainsString($secret, $stored);
        }
        self::assertSame(Sedifex::KEY, Secrets::key(self::ID));
        $autoloaded = wp_load_alloptions();
        self::assertArrayNotHasKey('sedifex_secrets', $autoloaded);
        self::assertArrayNotHasKey('sedifex_snapshot_st_makola', $autoloaded);
    }

    public function testAKeyInTheConfigurationGoesFirst(): void
    {
        $this->connect('a');
        putenv('SEDIFEX_API_KEY_ST_MAKOLA=sdfx_live_from_the_environment');
        self::assertSame('sdfx_live_from_the_environment', Secrets::key(self::ID));
        putenv('SEDIFEX_API_KEY_ST_MAKOLA');
        self::assertSame(Sedifex::KEY, Secrets::key(self::ID));
    }

    public function testOtherSaltsMakeTheKeyUnreadableAndTheRemedyIsNamed(): void
    {
        $this->connect('a');
        $secrets = get_option('sedifex_secrets');
        $secrets[self::ID]['key'] = base64_encode(random_bytes(90));
        update_option('sedifex_secrets', $secrets, false);
        self::assertSame('no_key', \Sedifex\Health::of(self::ID)->reason);
        self::assertSame('failed', Sync::now(self::ID, 5));
        self::assertSame('no_key', $this->status()['reason']);
        self::assertStringContainsString('Product a', $this->page());
    }

    public function actions(): iterable
    {
        foreach ((new \ReflectionClass(AdminActions::class))->getConstant('ACTIONS') as $action) {
            yield $action => [$action];
        }
    }

    /**
     * @dataProvider actions
     */
    public function testNoActionIsDoneWithoutTheRightAndTheNonce(string $action): void
    {
        $this->connect('a');
        $before = $this->everything();
        wp_set_current_user(0);
        self::assertStringContainsString('may not', $this->attempt($action, wp_create_nonce("sedifex_{$action}_st_makola")));
        wp_set_current_user(1);
        self::assertNotSame('', $this->attempt($action, 'forged'));
        self::assertNotSame('', $this->attempt($action, wp_create_nonce("sedifex_{$action}_other")));
        self::assertSame($before, $this->everything());
    }

    public function testTheRestRoutesOfThePageAreForManagersOnly(): void
    {
        $this->connect('a');
        foreach ([['POST', 'sync'], ['GET', 'health']] as [$method, $what]) {
            $request = new \WP_REST_Request($method, "/sedifex/v1/connections/st_makola/$what");
            wp_set_current_user(0);
            self::assertSame(401, rest_get_server()->dispatch($request)->get_status());
            wp_set_current_user(1);
            self::assertSame(200, rest_get_server()->dispatch($request)->get_status());
        }
    }

    public function testAKeyOfAnotherShopDoesNotTakeTheOldOnesPlace(): void
    {
        $this->connect('a');
        $this->sedifex->stores = ['st_other'];
        $_POST = ['key' => str_replace('A1b2', 'Z9y8', Sedifex::KEY), 'address' => Sedifex::ADDRESS];
        try {
            $replace = new \ReflectionMethod(AdminActions::class, 'perform');
            $replace->setAccessible(true);
            $replace->invoke(null, 'replace', self::ID);
            self::fail('it was replaced');
        } catch (\Sedifex\Failure $failure) {
            self::assertSame('other_shop', $failure->reason);
        } finally {
            $_POST = [];
        }
        self::assertSame(Sedifex::KEY, Secrets::key(self::ID));
    }

    public function testAKeyOfSeveralShopsAsksWhichAndEachCanBeConnected(): void
    {
        $this->sedifex->put('a');
        $this->sedifex->stores = ['st_other', self::ID];
        $perform = new \ReflectionMethod(AdminActions::class, 'perform');
        $perform->setAccessible(true);
        $_POST = ['key' => Sedifex::KEY, 'address' => Sedifex::ADDRESS];
        $perform->invoke(null, 'connect', '');
        self::assertSame([], Connections::all(), 'it is asked first');
        wp_set_current_user(1);
        ob_start();
        Admin::show();
        $page = (string) ob_get_clean();
        self::assertSame(2, substr_count($page, 'type="radio"'));
        self::assertStringNotContainsString(Sedifex::KEY, $page);
        $_POST = ['store' => 'stores/' . self::ID];
        self::assertStringContainsString('Makola Corner Shop', $perform->invoke(null, 'choose', ''));
        self::assertFalse(\Sedifex\Pending::exists());
        $_POST = ['key' => Sedifex::KEY, 'address' => Sedifex::ADDRESS];
        $perform->invoke(null, 'connect', '');
        $_POST = ['store' => 'stores/st_other'];
        $perform->invoke(null, 'choose', '');
        $_POST = [];
        self::assertSame([self::ID, 'st_other'], array_keys(Connections::all()));
        self::assertStringContainsString('Product a', $this->page(['store' => self::ID]));
        self::assertStringNotContainsString('Product a', $this->page(['store' => 'st_other']));
    }

    public function testRemovalLeavesNothing(): void
    {
        $this->everything();
        $clean = $this->everything();
        $posts = wp_count_posts('page')->publish;
        $this->connect('a', 'b');
        \Sedifex\Subscription::start(self::ID);
        \Sedifex\ShopPages::create(Connections::find(self::ID));
        $this->page();
        \Sedifex\Schedule::plan(self::ID, time());
        \Sedifex\Said::put('', 'x');
        update_user_meta(1, 'sedifex_notice_closed', 1);
        define('WP_UNINSTALL_PLUGIN', 'sedifex/sedifex.php');
        require dirname((string) realpath(\Sedifex\FILE)) . '/uninstall.php';
        self::assertSame($clean, $this->everything());
        self::assertSame($posts, wp_count_posts('page')->publish);
        self::assertSame('', get_user_meta(1, 'sedifex_notice_closed', true));
        self::assertContains('DELETE', array_column($this->sedifex->asked, 'method'), 'Sedifex is told');
    }

    public function testAPageThatTheMerchantHasChangedOutlivesThePlugin(): void
    {
        $this->connect('a');
        $page = \Sedifex\ShopPages::create(Connections::find(self::ID));
        global $wpdb;
        $wpdb->update($wpdb->posts, ['post_modified_gmt' => '2031-01-01 00:00:00'], ['ID' => $page]);
        clean_post_cache($page);
        \Sedifex\ShopPages::removeUntouched();
        self::assertSame('publish', get_post_status($page));
        wp_delete_post($page, true);
    }

    /**
     * Everything of ours in the options table, and what is planned.
     */
    private function everything(): array
    {
        global $wpdb;
        $names = $wpdb->get_col("SELECT option_name FROM $wpdb->options WHERE option_name LIKE '%sedifex%' ORDER BY option_name");
        $planned = [];
        foreach (_get_cron_array() as $hooks) {
            $planned = array_merge($planned, preg_grep('/^sedifex/', array_keys($hooks)));
        }
        return [$names, Connections::all(), $planned];
    }

    /**
     * Does an action; answers what WordPress dies of.
     */
    private function attempt(string $action, string $nonce): string
    {
        $_REQUEST = $_POST = ['_wpnonce' => $nonce, 'shop' => self::ID, 'action' => "sedifex_$action"];
        $dying = static function (): callable {
            return static function ($message): void {
                throw new \RuntimeException(is_string($message) ? $message : 'refused');
            };
        };
        add_filter('wp_die_handler', $dying);
        try {
            do_action("admin_post_sedifex_$action");
            return '';
        } catch (\RuntimeException $death) {
            return $death->getMessage();
        } finally {
            remove_filter('wp_die_handler', $dying);
            $_REQUEST = $_POST = [];
        }
    }
}
