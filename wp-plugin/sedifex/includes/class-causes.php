<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * What can go wrong, in words: a cause, and the one thing to do about it.
 */
final class Causes
{
    /** Nothing is tried again by itself until the merchant has done what the remedy says. */
    private const FINAL = ['unauthorized', 'forbidden', 'not_found', 'no_key', 'address_insecure'];

    /**
     * Whether trying again by itself would be of no use.
     */
    public static function isFinal(string $reason): bool
    {
        return in_array($reason, self::FINAL, true);
    }

    /**
     * Cause and remedy of a reason.
     *
     * @return array{cause: string, remedy: string, action: string} action: "key", "store", "copy", "sync", "empty", or
     *         "" where the remedy needs no button.
     */
    public static function of(string $reason): array
    {
        $all = self::all();
        [$cause, $remedy, $action] = $all[$reason] ?? $all['malformed'];
        return ['cause' => $cause, 'remedy' => $remedy, 'action' => $action];
    }

    /**
     * @return array<string, array{string, string, string}>
     */
    public static function all(): array
    {
        return self::ofInput() + self::ofAccess() + self::ofTheWay() + self::ofAnswers();
    }

    private static function ofInput(): array
    {
        return [
            'code_invalid' => [
                __('This is not a connection code.', 'sedifex'),
                __('In Sedifex, open “Connect WordPress”, press “Copy”, and paste what you get here.', 'sedifex'),
                '',
            ],
            'code_incomplete' => [
                __('The connection code is not complete, or a letter of it was changed.', 'sedifex'),
                __('Copy it again with the button “Copy” in Sedifex: the whole of it, up to its end.', 'sedifex'),
                '',
            ],
            'code_newer' => [
                __('This connection code is for a newer version of this plugin.', 'sedifex'),
                __('Update the plugin, then paste the code again.', 'sedifex'),
                '',
            ],
            'key_invalid' => [
                __('This is not a Sedifex key.', 'sedifex'),
                __('A key begins with “sdfx_live_” or “sdfx_test_”. Copy the whole of it from Sedifex.', 'sedifex'),
                '',
            ],
            'address_invalid' => [
                __('The address of Sedifex cannot be read.', 'sedifex'),
                __('It looks like https://api.sedifex.com. With the connection code you need no address.', 'sedifex'),
                '',
            ],
            'address_insecure' => [
                __('The address begins with http://, so the key would travel in clear text.', 'sedifex'),
                __('Use the address that begins with https://.', 'sedifex'),
                '',
            ],
            'already_connected' => [
                __('This shop is connected to this website already.', 'sedifex'),
                __('To change its key, use “Replace the key” on its card.', 'sedifex'),
                '',
            ],
            'other_shop' => [
                __('This key is for another shop.', 'sedifex'),
                __('Make a connection code for this shop in Sedifex, or connect the other shop as well.', 'sedifex'),
                '',
            ],
        ];
    }

    private static function ofAccess(): array
    {
        return [
            'unauthorized' => [
                __('Sedifex does not accept the key any more: it was replaced, has ended or was revoked.', 'sedifex'),
                __('Paste a new connection code from Sedifex below.', 'sedifex'),
                'key',
            ],
            'forbidden' => [
                __('The key may not read this shop.', 'sedifex'),
                __('Paste a connection code that was made for this shop, or choose another shop.', 'sedifex'),
                'store',
            ],
            'not_found' => [
                __('There is no such shop at this address any more.', 'sedifex'),
                __('Paste a new connection code from Sedifex, or choose another shop.', 'sedifex'),
                'store',
            ],
            'no_key' => [
                __('The key cannot be read any more. This happens when the security keys in wp-config.php were changed.', 'sedifex'),
                __('Paste the connection code from Sedifex once more.', 'sedifex'),
                'key',
            ],
            'key_ending' => [
                __('The key of this website stops working soon: it was replaced in Sedifex, or given an end.', 'sedifex'),
                __('Paste the new connection code from Sedifex below before that; nothing stops meanwhile.', 'sedifex'),
                'key',
            ],
            'no_shops' => [
                __('The key is right, but opens no shop.', 'sedifex'),
                __('In Sedifex, make the connection code on the page of the shop that you want to show.', 'sedifex'),
                '',
            ],
            'rate_limited' => [
                __('Sedifex was asked too often and wants a pause.', 'sedifex'),
                __('Nothing to do: it goes on by itself at the time shown.', 'sedifex'),
                '',
            ],
        ];
    }

    private static function ofTheWay(): array
    {
        return [
            'dns' => [
                __('Your website cannot find Sedifex: the name of the address is not known to your host.', 'sedifex'),
                __('Copy the details and send them to your host: its name service (DNS) does not answer.', 'sedifex'),
                'copy',
            ],
            'tls' => [
                __('No secure connection to Sedifex can be made: its certificate was not accepted here.', 'sedifex'),
                __('Copy the details and send them to your host: certificates or the clock of the server are out of date.', 'sedifex'),
                'copy',
            ],
            'refused' => [
                __('Sedifex cannot be reached: there is no connection.', 'sedifex'),
                __('It is tried again by itself. If this lasts for hours, copy the details and send them to your host.', 'sedifex'),
                'sync',
            ],
            'blocked' => [
                __('This website may not call other servers (WP_HTTP_BLOCK_EXTERNAL).', 'sedifex'),
                __('Copy the details and send them to your host: the address of Sedifex has to be allowed in wp-config.php.', 'sedifex'),
                'copy',
            ],
            'timeout' => [
                __('Sedifex did not answer in time.', 'sedifex'),
                __('It is tried again by itself. You can try at once with “Sync now”.', 'sedifex'),
                'sync',
            ],
            'clock' => [
                __('The clock of your website is wrong, so news from Sedifex is refused as too old or too early.', 'sedifex'),
                __('Copy the details and send them to your host: the clock of the server has to be set.', 'sedifex'),
                'copy',
            ],
            'cron' => [
                __('The scheduled tasks of your website (WP-Cron) do not run.', 'sedifex'),
                __('Ask your host to run wp-cron.php every minute, or take DISABLE_WP_CRON out of wp-config.php. Until then “Sync now” brings the shop up to date.', 'sedifex'),
                'sync',
            ],
        ];
    }

    private static function ofAnswers(): array
    {
        return [
            'unavailable' => [
                __('Sedifex is not available just now.', 'sedifex'),
                __('Nothing to do: it is tried again by itself at the time shown.', 'sedifex'),
                'sync',
            ],
            'malformed' => [
                __('An answer came that is not from Sedifex, or only a part of one.', 'sedifex'),
                __('It is tried again by itself. If this lasts, check the address, or copy the details for support.', 'sedifex'),
                'copy',
            ],
            'empty' => [
                __('Sedifex says that the shop has no products, though it had some.', 'sedifex'),
                __('Your shop page keeps them. If you did take all of them away, press “Show the empty shop”.', 'sedifex'),
                'empty',
            ],
            'too_many' => [
                __('The shop has more products than a website can show: the first 10,000 are kept.', 'sedifex'),
                __('Hide products that you do not sell online in Sedifex.', 'sedifex'),
                '',
            ],
            'webhook_forbidden' => [
                __('The key may read products but not ask for instant updates.', 'sedifex'),
                __('Paste a new connection code from Sedifex: codes made there may do both.', 'sedifex'),
                'key',
            ],
            'webhook_refused' => [
                __('Sedifex cannot send news to this website: its address is not public, or not secure (https).', 'sedifex'),
                __('Nothing is lost: products are read every minute or so. Turn on https for instant updates.', 'sedifex'),
                '',
            ],
            'webhook_signature' => [
                __('News came that was signed with a secret that this website does not know.', 'sedifex'),
                __('Press “Repair instant updates”.', 'sedifex'),
                'repair',
            ],
            'busy' => [
                __('A refresh is under way already.', 'sedifex'),
                __('Wait until it has ended; this page shows it.', 'sedifex'),
                '',
            ],
        ];
    }
}
