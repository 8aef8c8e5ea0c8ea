<?php

namespace Sedifex;

defined('ABSPATH') || exit;

/**
 * What the API has answered. `data` is null where nothing has changed (304).
 */
final class Answer
{
    public ?array $data;
    public string $etag;
    public string $requestId;
    /** When the key's present secret ends, Unix time; 0: it does not. */
    public int $keyEnds;
    /** How far this site's clock is ahead of the API's, in seconds. */
    public int $skew;

    public function __construct(?array $data, string $etag, string $requestId, int $keyEnds, int $skew)
    {
        $this->data = $data;
        $this->etag = $etag;
        $this->requestId = $requestId;
        $this->keyEnds = $keyEnds;
        $this->skew = $skew;
    }
}
