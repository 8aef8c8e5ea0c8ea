"""Counts the gateway's requests for Prometheus, by route and status."""

import time
from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import transcoding

_REQUESTS = Counter(
    "sedifex_http_requests",
    "HTTP requests answered, by method, status and route: its template, or 'none' where there is none; status 499: the "
    "client had gone.",
    ["method", "route", "status"],
)
_SECONDS = Histogram(
    "sedifex_http_request_duration_seconds",
    "How long HTTP requests took, by route, to the last byte of the answer.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_IN_FLIGHT = Gauge("sedifex_http_requests_in_flight", "HTTP requests being answered.")

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
GONE = 499
"""As nginx calls it: the client closed the connection before it was answered."""


class Measuring:
    """Measures what passes. A label is never taken from what a client wrote, or it could make series without end."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._templates = _templates(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, and counts it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = GONE

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        _IN_FLIGHT.inc()
        try:
            await self._app(scope, receive, noting)
        except Exception:
            status = 500  # answered further out
            raise
        finally:
            _IN_FLIGHT.dec()
            method = scope["method"] if scope["method"] in METHODS else "other"
            route = scope.get(transcoding.ROUTE) or self._templates.get(id(scope.get("endpoint")), "none")
            _REQUESTS.labels(method, route, str(status)).inc()
            _SECONDS.labels(route).observe(time.perf_counter() - began)


def _templates(routes: Sequence[BaseRoute], prefix: str = "") -> dict[int, str]:
    """The path of every route, by the identity of its endpoint, which lives as long as the route."""
    found: dict[int, str] = {}
    for route in routes:
        if isinstance(route, Mount):
            # Named as a whole, unless it has routes of its own, or names them as the transcoder does.
            inner = {id(route.app): f"{prefix}{route.path}/"} if route.path else {}
            found = inner | _templates(route.routes or (), prefix + route.path) | found
        elif isinstance(route, Route):
            found.setdefault(id(route.endpoint), prefix + route.path)
    return found
