<?php

namespace Sedifex\Tests;

/**
 * Sedifex as tests have it: what WordPress would send goes here, and comes back as the test has laid it out. Everything
 * from wp_remote_request() on is real.
 */
final class Sedifex
{
    public const ADDRESS = 'https://api.sedifex.example';
    public const KEY = 'sdfx_test_A1b2C3d4E5f6G7h8A1b2C3d4E5f6G7h8abcdef';

    /** @var array[] what was asked: method, path, headers, body. */
    public array $asked = [];
    /** @var array<string, array> products by id, as the API has them. */
    public array $products = [];
    /** @var array[] answers to give before all others: arrays as wp_remote_request() returns, or WP_Error. */
    public array $next = [];
    public array $headers = [];
    public int $version = 1;
    public int $pageSize = 200;
    /** @var array<int, array> tombstones and products since, by version. */
    private array $log = [];
    /** @var string[] */
    public array $stores = ['st_makola'];
    /** Called while a request is under way. */
    public ?\Closure $meanwhile = null;

    public function __construct()
    {
        add_filter('pre_http_request', [$this, 'answer'], 1, 3);
    }

    public function close(): void
    {
        remove_filter('pre_http_request', [$this, 'answer'], 1);
    }

    /**
     * Puts a product into the shop, or changes it.
     */
    public function put(string $id, array $fields = []): void
    {
        $fields += $this->products[$id] ?? [];
        $this->products[$id] = $fields + [
            'name' => "stores/st_makola/products/$id",
            'displayName' => "Product $id",
            'price' => ['currencyCode' => 'GHS', 'amount' => '45.00'],
            'itemType' => 'ITEM_TYPE_PRODUCT',
            'availability' => 'AVAILABILITY_IN_STOCK',
            'stockCount' => 12,
        ];
        $this->log[++$this->version] = ['product' => $this->products[$id]];
    }

    public function take(string $id): void
    {
        unset($this->products[$id]);
        $this->log[++$this->version] = ['tombstone' => ['name' => "stores/st_makola/products/$id"]];
    }

    /**
     * @param mixed $answer
     * @return mixed
     */
    public function answer($answer, array $arguments, string $url)
    {
        if (strpos($url, self::ADDRESS) !== 0) {
            return $answer;
        }
        $path = substr($url, strlen(self::ADDRESS));
        $this->asked[] = ['method' => $arguments['method'], 'path' => $path] + $arguments;
        if ($this->meanwhile !== null) {
            $meanwhile = $this->meanwhile;
            $this->meanwhile = null;
            $meanwhile();
        }
        if ($this->next) {
            return array_shift($this->next);
        }
        return $this->route($arguments, $path);
    }

    /**
     * An answer as wp_remote_request() returns it.
     *
     * @param mixed $body
     */
    public static function reply(int $status, $body = [], array $headers = []): array
    {
        return [
            'headers' => new \WpOrg\Requests\Utility\CaseInsensitiveDictionary($headers + ['X-Request-Id' => 'req_1']),
            'body' => is_string($body) ? $body : wp_json_encode($body),
            'response' => ['code' => $status, 'message' => ''],
            'cookies' => [],
            'filename' => null,
        ];
    }

    public static function refusal(int $status, string $reason = '', array $headers = []): array
    {
        $details = $reason === '' ? [] : [['@type' => 'x', 'reason' => $reason]];
        $error = ['code' => $status, 'status' => 'X', 'message' => 'No.', 'details' => $details, 'requestId' => 'req_bad'];
        return self::reply($status, ['error' => $error], $headers);
    }

    private function route(array $arguments, string $path): array
    {
        $parts = wp_parse_url($path);
        parse_str($parts['query'] ?? '', $query);
        $store = static function (string $id): array {
            return [
                'name' => "stores/$id", 'displayName' => 'Makola Corner Shop', 'currencyCode' => 'GHS', 'city' => 'Accra',
                'country' => 'GH', 'whatsappNumber' => '024 412 3456',
            ];
        };
        if ($parts['path'] === '/v1/stores') {
            return self::reply(200, ['stores' => array_map($store, $this->stores)], $this->headers);
        }
        if (preg_match('#^/v1/stores/([a-z_]+)$#', $parts['path'], $found)) {
            return self::reply(200, $store($found[1]), $this->headers);
        }
        if (substr($parts['path'], -17) === '/products:changes') {
            return $this->changes($query['cursor'] ?? '', $arguments['headers']['If-None-Match'] ?? '');
        }
        if (substr($parts['path'], -17) === '/webhookEndpoints') {
            return self::reply(200, ['webhookEndpoint' => ['name' => 'stores/st_makola/webhookEndpoints/whe_1'], 'secret' => 'whsec_first']);
        }
        if (substr($parts['path'], -13) === ':rotateSecret') {
            return self::reply(200, ['secret' => 'whsec_second']);
        }
        if (strpos($parts['path'], '/webhookEndpoints/whe_1') !== false) {
            return self::reply(200, ['url' => \Sedifex\Webhook::url('st_makola'), 'state' => 'STATE_ENABLED']);
        }
        return self::refusal(404);
    }

    /**
     * The feed: without a cursor every product, in pages; with one what has changed since.
     */
    private function changes(string $cursor, string $etag): array
    {
        $tag = "\"$cursor-$this->version\"";
        if ($etag === $tag) {
            return self::reply(304, '', $this->headers + ['ETag' => $tag]);
        }
        if ($cursor === '' || $cursor[0] === 'p') {
            $from = (int) substr($cursor, 1);
            $page = array_slice(array_values($this->products), $from, $this->pageSize);
            $more = $from + $this->pageSize < count($this->products);
            $changes = array_map(static function (array $product): array {
                return ['product' => $product];
            }, $page);
            $next = $more ? 'p' . ($from + $this->pageSize) : "v$this->version";
            $body = ['changes' => $changes, 'nextCursor' => $next] + ($more ? ['more' => true] : []);
        } else {
            $since = array_filter($this->log, static function (int $version) use ($cursor): bool {
                return $version > (int) substr($cursor, 1);
            }, ARRAY_FILTER_USE_KEY);
            $body = ['changes' => array_values($since), 'nextCursor' => "v$this->version"];
        }
        return self::reply(200, $body, $this->headers + ['ETag' => $tag]);
    }
}
