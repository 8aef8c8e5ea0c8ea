"""What every answer of the gateway has, whoever made it: a request id, and headers that keep browsers from harm."""

import asyncio

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.answering import answer, problem_of, unexpected
from services.common import telemetry
from services.common.errors import Unavailable

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": forms of our own pages would then be sent with "Origin: null".
    "Referrer-Policy": "same-origin",
    # Of an answer that is no page of ours, such as JSON opened in a browser. Pages bring a policy of their own.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of answers that do not bring their own. By the OWASP cheat sheet of REST security."""
_REQUEST_ID = telemetry.REQUEST_ID_HEADER.encode()
STRICT_TRANSPORT_SECURITY = "max-age=31536000"
"""Of this host only: what else runs under the domain is not ours to decide."""


class EveryAnswer:
    """Gives each request its id and each answer its headers; makes an answer of what nobody has caught.

    `https_only`: browsers are told to come by HTTPS for a year, which production is behind.
    """

    def __init__(self, app: ASGIApp, *, https_only: bool) -> None:
        self._app = app
        headers = SECURITY_HEADERS | ({"Strict-Transport-Security": STRICT_TRANSPORT_SECURITY} if https_only else {})
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = telemetry.begin_request(Request(scope).headers.get(telemetry.REQUEST_ID_HEADER))
        has_begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                given = message.get("headers", [])
                names = {name for name, _ in given}
                own = [(_REQUEST_ID, request_id.encode()), *self._headers]
                message["headers"] = [*given, *(each for each in own if each[0] not in names)]
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except asyncio.CancelledError:  # the process ends, and its time to drain is over
            if not has_begun:
                refusal = Unavailable("The gateway is stopping. Send it again.", reason="STOPPING", retry_after=1)
                await answer(problem_of(refusal))(scope, receive, send_with_headers)
            raise
        except Exception as error:
            if has_begun:  # the server ends the connection, so nobody takes half an answer for a whole one
                raise
            await answer(unexpected(error))(scope, receive, send_with_headers)
