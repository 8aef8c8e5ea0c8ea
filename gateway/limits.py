"""How much a caller may ask for, and how much may be in hand at all.

A process counts for itself: N gateways allow N times as much. That is enough against what limits are for, a program
that runs wild; who sells quotas has to count them in one place.
"""

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.answering import problem_of
from gateway.origin import Origins
from gateway.rates import WINDOW_S, Quota, Rates
from gateway.refusal_page import refuse
from services.common.access.refusals import block_of
from services.common.errors import Exhausted, Unavailable

UNLIMITED = frozenset({"/healthz", "/readyz"})
"""Asked by whoever runs the gateway, at any time."""
CROWDED = "sedifex.crowded"
"""Set in a scope's state by the server, of connections that are more than it will hold."""


class RateLimits:
    """Refuses (429) the requests of an address, or of a credential, that are more than a minute may have; tells all of
    what is left in RateLimit headers (draft-ietf-httpapi-ratelimit-headers-06, which most clients know).

    A limit of 0 is none. Credentials are counted before anybody knows whether they are good: a flood of one bad key
    ends here, and one of many is stopped by the limit of its address, or by what Keys allows of refusals.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        origins: Origins,
        per_key: int,
        per_address: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._origins = origins
        self._keys = Rates(per_key) if per_key else None
        self._addresses = Rates(per_address) if per_address else None
        self._clock = clock
        self._salt = secrets.token_bytes(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, or refuses it."""
        if scope["type"] != "http" or scope["path"] in UNLIMITED:
            await self._app(scope, receive, send)
            return
        quota, whose = self._take(Request(scope))
        if quota is None:
            await self._app(scope, receive, send)
            return
        headers = _headers(quota)

        async def send_with_quota(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *headers]
            await send(message)

        if not quota.retry_after:
            await self._app(scope, receive, send_with_quota)
            return
        refusal = Exhausted(
            f"Too many requests {whose}: {quota.limit} a minute are taken. Try again in {quota.retry_after} s, and ask "
            "for what has changed (products:changes) or under If-None-Match instead of for everything.",
            reason="RATE_LIMITED",
            metadata={"limitPerMinute": str(quota.limit)},
            retry_after=quota.retry_after,
        )
        await refuse(problem_of(refusal), scope)(scope, receive, send_with_quota)

    def _take(self, request: Request) -> tuple[Quota | None, str]:
        """What is left of the bucket that is nearest to empty, and whose that is; None: there are no limits."""
        now = self._clock()
        found: Quota | None = None
        if self._addresses is not None:
            found = self._addresses.take(block_of(self._origins.address(request)), now)
            if found.retry_after:
                return found, "from this address"
        credential = _credential(request.headers)
        if self._keys is None or not credential:
            return found, "from this address"
        # A digest under a salt of this process: the table must not be worth stealing.
        digest = hashlib.blake2b(credential, key=self._salt, digest_size=16).digest()
        own = self._keys.take(digest, now)
        nearest = own if found is None or own.retry_after or own.remaining <= found.remaining else found
        return nearest, "with this key"


class Crowding:
    """Refuses (503) requests while there are too many in hand, so that those that are taken are answered in time."""

    def __init__(self, app: ASGIApp, *, max_requests: int) -> None:
        self._app = app
        self._max_requests = max_requests
        self._in_hand = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, or refuses it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.get("state") or {}
        if state.get(CROWDED) or self._in_hand >= self._max_requests:
            refusal = Unavailable(
                "There are too many requests just now. Try again shortly.", reason="OVERLOADED", retry_after=1
            )
            await refuse(problem_of(refusal), scope)(scope, receive, send)
            return
        self._in_hand += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_hand -= 1


def _credential(headers: Headers) -> bytes:
    """What a request is sent with; the same however it is sent. Empty: nothing."""
    sent = [value.partition(" ")[2].strip() or value for value in headers.getlist("authorization")]
    sent += headers.getlist("x-api-key")
    return "\0".join(sent).encode("utf-8", "surrogateescape")


def _headers(quota: Quota) -> list[tuple[bytes, bytes]]:
    return [
        (b"ratelimit-policy", b"%d;w=%d" % (quota.limit, WINDOW_S)),
        (b"ratelimit-limit", b"%d" % quota.limit),
        (b"ratelimit-remaining", b"%d" % quota.remaining),
        (b"ratelimit-reset", b"%d" % quota.reset),
    ]
