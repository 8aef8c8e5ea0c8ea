"""What the reference says before its first call. Markdown."""

INTRODUCTION = """\
API keys, a product feed and webhooks for small shops. Everything here is served as gRPC too, from one contract.

## Credentials
Send an API key with every request, as `Authorization: Bearer <key>` or as `X-Api-Key: <key>`; never in an address. A
key reaches one shop, or several of one owner, and may do what its scopes say:

| scope | what it lets an integration do |
| --- | --- |
| `catalog.read` | read the shop and its published products, and follow their changes |
| `catalog.write` | create, change and delete products, and import files |
| `keys.read` | list the shop's keys and read its audit log |
| `keys.write` | create, rotate and revoke keys |
| `webhooks.read` | read webhook endpoints, events and deliveries |
| `webhooks.write` | create and change webhook endpoints, retry and replay |

Members of a shop send the token of their session the same way. A revoked key is refused by every service from the
moment at which its revocation has been answered. Unknown, mistyped, expired and revoked credentials are all
refused with the same words (401).

## Errors
Every failure has one form: `{"error": {"code", "status", "message", "details", "requestId"}}`. `message` says what to
do next. Programs read `status` and the `reason` in `details`; support asks for `requestId`, which is also in the
header `X-Request-Id` of every answer. Send that header to give a request an id of your own (8 to 64 of `A-Z a-z 0-9 _
. -`).

## Lists
Lists come in pages: send `nextPageToken` back as `pageToken` for as long as there is one. To keep a copy of a shop's
products, follow `products:changes`, which tells what has changed since the last time.

## Asking again
Answers with an `ETag` can be asked for under `If-None-Match`; while nothing has changed the answer is 304, without a
body. Changes under `If-Match` are made only if nobody else was faster, else they get 412. A request that creates
something may carry an `Idempotency-Key`: sent again under the same key, it has no second effect. `Request-Timeout`
says for how many seconds you will wait, at most 60.

## Limits
A credential and an address may each make a number of requests in a minute; `RateLimit-Limit`, `RateLimit-Remaining`
and `RateLimit-Reset` (seconds until all of it is there again) tell of the nearer of the two, and `RateLimit-Policy`
names it. Beyond, the answer is 429 with `Retry-After`, and its reason is `RATE_LIMITED`.

Apart from that, an address that keeps sending credentials that are not accepted gets 429 with the reason
`TOO_MANY_REFUSALS` instead of 401. So a program whose key was revoked, and that goes on asking, sees 401 first and
429 then: stop at the 401. Keys that are accepted are not held up by it.

A request's head may have 32 KiB and 100 headers (431 beyond), its body 1 MiB (413), an imported file 64 MiB. Head and
body must come within 10 and 15 seconds (408). Where too much is asked of us at a time, the answer is 503 with
`Retry-After`.
"""
