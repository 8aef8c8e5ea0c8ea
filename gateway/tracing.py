"""The beginning of traces: a span for each request that is chosen to be traced."""

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import transcoding
from services.common import tracing


class _Tracing:
    """Begins a trace for each request. What a client says of a trace is left alone: it must not decide what we keep."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with tracing.span(f"HTTP {scope['method']}", "SERVER") as span:

            async def noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            await self._app(scope, receive, noting)
            if route := scope.get(transcoding.ROUTE):
                span.set_attribute("http.route", route)


def middleware() -> list[Middleware]:
    """What traces requests: nothing while traces are off."""
    return [Middleware(_Tracing)] if tracing.is_on() else []
