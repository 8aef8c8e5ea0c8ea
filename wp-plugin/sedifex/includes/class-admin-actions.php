<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * What the forms of the plugin's page do. Every action is checked for who asks and for its nonce, then says how it went.
 */
final class AdminActions
{
    private const ACTIONS = [
        'connect', 'choose', 'cancel', 'create_page', 'own_page', 'replace', 'sync', 'accept_empty', 'repair',
        'disconnect', 'settings', 'close_notice',
    ];
    private const SYNC_S = 15.0;

    public static function boot(): void
    {
        foreach (self::ACTIONS as $action) {
            add_action("admin_post_sedifex_$action", [self::class, 'act']);
        }
    }

    public static function act(): void
    {
        $action = substr((string) current_action(), strlen('admin_post_sedifex_'));
        $id = self::posted('shop');
        if (!current_user_can(Admin::CAPABILITY)) {
            wp_die(esc_html__('You may not change this.', 'sedifex'), '', ['response' => 403]);
        }
        check_admin_referer("sedifex_{$action}_$id");
        if ($id !== '' && Connections::find($id) === null) {
            wp_die(esc_html__('This shop is not connected any more.', 'sedifex'), '', ['response' => 404]);
        }
        $where = $action . ($id !== '' ? $id : (self::posted('form') === 'another' ? 'another' : 'first'));
        try {
            Said::put('', self::perform($action, $id));
        } catch (Failure $failure) {
            Said::put($failure->reason, $failure->detail, $where);
        }
        wp_safe_redirect($action === 'close_notice' ? (wp_get_referer() ?: admin_url()) : Admin::url());
        exit;
    }

    /**
     * @return string what to say.
     * @throws Failure
     */
    private static function perform(string $action, string $id): string
    {
        switch ($action) {
            case 'connect':
                return self::connect();
            case 'choose':
                return self::choose(self::posted('store'));
            case 'cancel':
                Pending::drop();
                return __('Nothing was connected.', 'sedifex');
            case 'create_page':
                ShopPages::create(Connections::find($id));
                return __('Your shop page is online. View it below, and add it to your menu.', 'sedifex');
            case 'replace':
                return self::replace($id);
            case 'sync':
                return self::sync($id);
            default:
                return self::performSmall($action, $id);
        }
    }

    private static function performSmall(string $action, string $id): string
    {
        switch ($action) {
            case 'own_page':
                update_option("sedifex_own_page_$id", 1, false);
                return __('Add the block “Sedifex products” to any page.', 'sedifex');
            case 'accept_empty':
                Sync::acceptEmpty($id);
                return __('The shop is shown as it is in Sedifex now.', 'sedifex');
            case 'repair':
                return Subscription::repair($id)
                    ? __('Instant updates are on.', 'sedifex')
                    : Causes::of(Subscription::state($id)['reason'])['cause'];
            case 'disconnect':
                Subscription::stop($id, 5.0);
                Connections::remove($id);
                return __('The shop is disconnected. Revoke its key in Sedifex if nothing else uses it.', 'sedifex');
            case 'close_notice':
                update_user_meta(get_current_user_id(), 'sedifex_notice_closed', 1);
                return '';
            default:
                $window = (int) self::posted('window');
                update_option(Schedule::WINDOW_OPTION, in_array($window, Schedule::WINDOWS, true) ? $window : Schedule::DEFAULT_WINDOW, true);
                return __('Saved.', 'sedifex');
        }
    }

    /**
     * Tests what was pasted; connects the shop if the key opens just one.
     */
    private static function connect(): string
    {
        [$address, $key] = self::credentials();
        $stores = (new Api($address, $key))->stores();
        if (!$stores) {
            throw new Failure('no_shops');
        }
        if (count(Connections::all()) >= Connections::MAX) {
            throw new Failure('already_connected');
        }
        Pending::put($address, $key, $stores);
        if (count($stores) === 1) {
            return self::choose($stores[0]['name']);
        }
        return __('The connection works.', 'sedifex');
    }

    private static function choose(string $name): string
    {
        $pending = Pending::find();
        $chosen = array_values(array_filter($pending['stores'], static function (array $store) use ($name): bool {
            return $store['name'] === $name;
        }));
        if (!$chosen) {
            throw new Failure('code_invalid');
        }
        $key = Pending::key();
        Pending::drop();
        if (Connections::find($name) !== null) {
            throw new Failure('already_connected');
        }
        $connection = Connections::add($pending['address'], $chosen[0]);
        Secrets::setKey($connection['id'], $key);
        Sync::now($connection['id'], self::SYNC_S);
        Subscription::start($connection['id']);
        Schedule::plan($connection['id'], time() + Schedule::window());
        /* translators: %s: name of a shop. */
        return sprintf(__('The connection works: this is %s.', 'sedifex'), $connection['name']);
    }

    /**
     * Puts another key in the place of the present one, once it has shown that it opens the same shop.
     */
    private static function replace(string $id): string
    {
        [$address, $key] = self::credentials($id);
        $names = array_column((new Api($address, $key))->stores(), 'name');
        if (!in_array("stores/$id", $names, true)) {
            throw new Failure('other_shop');
        }
        Secrets::setKey($id, $key);
        Connections::change($id, ['address' => $address]);
        Status::clearFailure($id);
        Sync::now($id, self::SYNC_S);
        if (Connections::find($id)['endpoint'] === '') {
            Subscription::start($id);
        }
        return __('The new key works and is in place.', 'sedifex');
    }

    private static function sync(string $id): string
    {
        $refusal = Health::of($id)->syncRefusal();
        if ($refusal !== '') {
            return $refusal;
        }
        $result = Sync::now($id, self::SYNC_S);
        if ($result === 'failed') {
            $failure = Status::fresh($id)['last_failure'];
            throw new Failure($failure['reason'], $failure['detail']);
        }
        return $result === 'partial'
            ? __('A part of the products was read; the rest is read in the background.', 'sedifex')
            : __('Your products are up to date.', 'sedifex');
    }

    /**
     * Address and key, out of what was pasted into whichever of the fields. With an address alone, the key stays that of
     * the connection, or of the configuration.
     *
     * @return array{0: string, 1: string}
     * @throws Failure
     */
    private static function credentials(string $id = ''): array
    {
        $code = self::posted('code');
        $key = self::posted('key');
        if ($code === '' && ConnectionCode::resembles($key)) {
            $code = $key;
        }
        if ($code !== '' && !ConnectionCode::isKey($code)) {
            $read = ConnectionCode::read($code);
            return [Address::check($read->address), $read->key];
        }
        // A key alone was pasted where the code goes: it will do, with the address beside it.
        $key = $key !== '' ? $key : $code;
        if ($key === '' && self::posted('address') !== '') {
            $key = $id !== '' ? Secrets::key($id) : Secrets::configuredKey('');
        }
        if (!ConnectionCode::isKey($key)) {
            throw new Failure($key === '' ? 'code_invalid' : 'key_invalid');
        }
        return [Address::check(self::posted('address')), $key];
    }

    private static function posted(string $name): string
    {
        // phpcs:ignore WordPress.Security.NonceVerification -- `act` checks it before anything is done.
        $value = $_POST[$name] ?? '';
        return is_string($value) ? trim(sanitize_text_field(wp_unslash($value))) : '';
    }
}
