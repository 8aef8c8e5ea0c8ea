"""Pages of other sites that may call the API from a browser (CORS): none, unless the settings name them.

An API key in a page can be read by whoever opens it, so this is for keys that may only read, and for shops' own tools.
Cookies never come along: the admin pages are not for other sites.
"""

from collections.abc import Sequence

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from gateway.answering import KEY_EXPIRES_HEADER
from gateway.transcoding import TIMEOUT_HEADER

PREFLIGHT_S = 600
"""How long a browser may remember what it may send."""


def cross_origin(origins: Sequence[str]) -> list[Middleware]:
    """The middleware that lets these origins in."""
    if not origins:
        return []
    sent = ["Authorization", "X-Api-Key", "Content-Type", "If-None-Match", "If-Match", "Idempotency-Key"]
    told = ["ETag", "Retry-After", "RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[*sent, TIMEOUT_HEADER, "X-Request-Id"],
            expose_headers=[*told, "X-Request-Id", KEY_EXPIRES_HEADER],
            allow_credentials=False,
            max_age=PREFLIGHT_S,
        )
    ]
