<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * The Sedifex API over REST, called with one key. Every failure comes out as a Failure that names its cause.
 */
final class Api
{
    private const TIMEOUT_S = 10;
    private const MAX_BYTES = 8 * 1024 * 1024;
    private const PAGE_SIZE = 200;
    private const EVENTS = ['product.created', 'product.updated', 'product.deleted'];

    private string $address;
    private string $key;
    private float $timeout;

    public function __construct(string $address, string $key, float $timeout = self::TIMEOUT_S)
    {
        $this->address = $address;
        $this->key = $key;
        $this->timeout = $timeout;
    }

    /**
     * The API as a connection reaches it.
     *
     * @throws Failure "no_key".
     */
    public static function of(array $connection, float $timeout = self::TIMEOUT_S): self
    {
        $key = Secrets::key($connection['id']);
        if ($key === '') {
            throw new Failure('no_key');
        }
        return new self($connection['address'], $key, $timeout);
    }

    /**
     * The stores that the key opens, at most 200.
     *
     * @return array[] as the API has them, each with a valid name.
     * @throws Failure
     */
    public function stores(): array
    {
        $answer = $this->request('GET', 'v1/stores?pageSize=' . self::PAGE_SIZE);
        $stores = $answer->data['stores'] ?? [];
        foreach (is_array($stores) ? $stores : [null] as $store) {
            if (!is_array($store) || !Connections::isStoreName((string) ($store['name'] ?? ''))) {
                throw new Failure('malformed', 'a store without a name', 200, 0, $answer->requestId);
            }
        }
        return $stores;
    }

    /**
     * @throws Failure
     */
    public function store(string $id): array
    {
        return $this->request('GET', "v1/stores/$id")->data ?? [];
    }

    /**
     * A page of the feed of changes. The cursor is empty to begin.
     *
     * @throws Failure also "cursor_expired".
     */
    public function changes(string $id, string $cursor, string $etag): Answer
    {
        $query = http_build_query(array_filter(['cursor' => $cursor, 'pageSize' => self::PAGE_SIZE]));
        return $this->request('GET', "v1/stores/$id/products:changes?$query", null, $etag);
    }

    /**
     * Registers a webhook endpoint.
     *
     * @return array{0: string, 1: string} its name and its secret.
     * @throws Failure
     */
    public function createEndpoint(string $id, string $url): array
    {
        $wanted = ['url' => $url, 'eventTypes' => self::EVENTS, 'displayName' => 'WordPress'];
        $data = $this->request('POST', "v1/stores/$id/webhookEndpoints", $wanted)->data;
        return [self::text($data['webhookEndpoint']['name'] ?? ''), self::text($data['secret'] ?? '')];
    }

    /**
     * A webhook endpoint as it is now.
     *
     * @throws Failure "not_found" if there is no such endpoint any more.
     */
    public function endpoint(string $name): array
    {
        return $this->request('GET', "v1/$name")->data ?? [];
    }

    /**
     * Sends to a disabled endpoint again.
     *
     * @throws Failure
     */
    public function enableEndpoint(string $name): void
    {
        $this->request('POST', "v1/$name:enable", []);
    }

    /**
     * A new secret for an endpoint. Older ones sign nothing from now on.
     *
     * @throws Failure
     */
    public function rotateEndpointSecret(string $name): string
    {
        return self::text($this->request('POST', "v1/$name:rotateSecret", ['overlap' => '0s'])->data['secret'] ?? '');
    }

    /**
     * @throws Failure
     */
    public function sendTest(string $name): void
    {
        $this->request('POST', "v1/$name:sendTest", []);
    }

    /**
     * @throws Failure
     */
    public function deleteEndpoint(string $name): void
    {
        $this->request('DELETE', "v1/$name");
    }

    /**
     * The same, where it does not matter whether there is such an endpoint.
     *
     * @throws Failure
     */
    public function deleteEndpointIfThere(string $name): void
    {
        try {
            $this->deleteEndpoint($name);
        } catch (Failure $failure) {
            if ($failure->reason !== 'not_found') {
                throw $failure;
            }
        }
    }

    private function request(string $method, string $path, ?array $body = null, string $etag = ''): Answer
    {
        $headers = ['Authorization' => "Bearer $this->key", 'Accept' => 'application/json'];
        if ($etag !== '') {
            $headers['If-None-Match'] = $etag;
        }
        if ($body !== null) {
            $headers['Content-Type'] = 'application/json';
        }
        $response = wp_remote_request("$this->address/$path", [
            'method' => $method,
            'headers' => $headers,
            'body' => $body === null ? null : wp_json_encode((object) $body),
            'timeout' => $this->timeout,
            'redirection' => 0,
            'limit_response_size' => self::MAX_BYTES,
            'reject_unsafe_urls' => !Address::mayBeInsecure(),
            'user-agent' => 'Sedifex-WordPress/' . VERSION . ' WordPress/' . get_bloginfo('version'),
        ]);
        return Responses::read($response);
    }

    /**
     * @param mixed $value
     */
    private static function text($value): string
    {
        if (!is_string($value) || $value === '') {
            throw new Failure('malformed', 'a field is missing', 200);
        }
        return $value;
    }
}
