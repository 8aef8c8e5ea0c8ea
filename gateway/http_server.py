"""The HTTP server under the gateway: uvicorn, with bounds on what a client may hold up, and no word but in our form.

uvicorn bounds how long a connection may be idle. It does not bound how long a request's head may take or how large it
may be, nor how slowly an answer may be read; and at shutdown it ends connections on which a request may be on its way.
"""

import asyncio
import http
import logging
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import uvicorn
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from gateway.limits import CROWDED
from gateway.transcoding import Problem
from services.common.settings import GatewaySettings
from services.common.telemetry import REQUEST_ID_HEADER

log = logging.getLogger(__name__)

HEAD_WITHIN_S = 10.0
"""From when the connection was made, or from the first byte of a further request."""
MAX_HEAD_BYTES = 32 * 1024
"""Of method, address and headers together."""
MAX_HEADERS = 100
KEEP_ALIVE_S = 30
CROWDED_KEEP_ALIVE_S = 1
"""Of a connection that is one too many. Not at once: its answer must get through while it still sends."""
READ_EVERY_S = 15.0
"""How often a client that has not taken its whole answer must have taken some more of it."""
READ_AT_LEAST = 16 * 1024
"""Bytes, in that time."""
LINGER_S = 0.5
"""How long an idle connection is kept at shutdown: a request may be on its way."""
STOPS = (signal.SIGTERM, signal.SIGINT)
BEYOND = 2
"""From so many times the limit on, connections are ended without a word."""

Code = grpc.StatusCode


class HeadTooLargeError(ValueError):
    """A request's head is larger than any of ours needs."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    max_connections = 900
    max_per_address = 0
    by_address: dict[str, int]
    """How many connections an address has."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head_timer: asyncio.TimerHandle | None = None
        self._reading_timer: asyncio.TimerHandle | None = None
        self._unsent = 0
        self._head_bytes = 0
        self._problem: Problem | None = None
        self._is_in_body = False
        self._is_draining = False
        self._address = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a request; one too many is told so, when it has asked."""
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        here = self.by_address[self._address] = self.by_address.get(self._address, 0) + 1
        of_address = here / self.max_per_address if self.max_per_address else 0
        load = max(len(self.connections) / self.max_connections, of_address)
        if load > BEYOND:
            transport.abort()
        elif load > 1:
            self.app_state = self.app_state | {CROWDED: True}
            self.timeout_keep_alive = CROWDED_KEEP_ALIVE_S
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        left = self.by_address.get(self._address, 1) - 1
        if left:
            self.by_address[self._address] = left
        else:
            self.by_address.pop(self._address, None)
        self._stop_awaiting_head()
        if self._reading_timer is not None:
            self._reading_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes in what has come, unless it is more than a head may have."""
        if self.parser is None or self._problem is not None:
            return
        if self._head_timer is None and (self.cycle is None or self.cycle.response_complete):
            self._await_head()
        was_in_body = self._is_in_body
        super().data_received(data)
        if self._head_timer is not None and not was_in_body:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self._refuse(_head_too_large())

    def on_headers_complete(self) -> None:
        """Lets the request through, if its head is within bounds."""
        self._stop_awaiting_head()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self._problem = _head_too_large()
            raise HeadTooLargeError  # the parser makes it the one error that there is of a request
        self._is_in_body = True
        super().on_headers_complete()
        if self._is_draining:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The request is there; or what was left of one that had been answered early."""
        self._is_in_body = False
        super().on_message_complete()
        if self._head_timer is not None:
            self._stop_awaiting_head()
            self._await_head()

    def on_response_complete(self) -> None:
        """Goes on with the next request; watches that the answer is read."""
        super().on_response_complete()
        self._watch_reading()

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered."""
        super().pause_writing()
        self._watch_reading()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's word for it
        """Answers what is no HTTP request, or one that is refused while it is read."""
        message = "This is no HTTP/1.1 request that can be read. Check its first line, its headers and its length."
        self._refuse(self._problem or Problem(Code.INVALID_ARGUMENT, message))

    def shutdown(self) -> None:
        """Ends the connection as soon as nobody waits for an answer on it."""
        self._is_draining = True
        if self.cycle is None or self.cycle.response_complete:
            self.loop.call_later(LINGER_S, self._close_if_idle)
        else:
            self.cycle.keep_alive = False

    def _close_if_idle(self) -> None:
        if (self.cycle is None or self.cycle.response_complete) and not self._head_bytes:
            self.transport.close()

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self._head_is_late)

    def _stop_awaiting_head(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self.transport.is_closing():
            return
        if self._is_in_body or not self._head_bytes:
            self.transport.close()  # nothing was asked, or the rest of a body that nobody reads does not end
            return
        message = f"The request's head did not come within {HEAD_WITHIN_S:g} s. Send it again."
        self._refuse(Problem(Code.DEADLINE_EXCEEDED, message, http_status=408))

    def _watch_reading(self) -> None:
        if self._reading_timer is None and self.transport.get_write_buffer_size():
            self._unsent = self.transport.get_write_buffer_size()
            self._reading_timer = self.loop.call_later(READ_EVERY_S, self._check_reading)

    def _check_reading(self) -> None:
        self._reading_timer = None
        unsent = self.transport.get_write_buffer_size()
        if unsent > self._unsent - READ_AT_LEAST and unsent:
            log.info("a client did not read its answer")
            self.transport.abort()
        else:
            self._watch_reading()

    def _refuse(self, problem: Problem) -> None:
        """Answers with a problem and ends the connection; in the midst of another answer, only ends it after that."""
        self._problem = problem
        self._stop_awaiting_head()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
            return
        request_id = secrets.token_hex(12)
        content = problem.body(request_id)
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "Connection": "close",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            REQUEST_ID_HEADER: request_id,
        } | problem.response_headers()
        lines = [f"HTTP/1.1 {problem.status} {http.HTTPStatus(problem.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        log.info("refused before it was a request", extra={"status": problem.status, "requestId": request_id})
        self.transport.write(head + content)
        self._watch_reading()
        self.transport.close()


class Server(uvicorn.Server):
    """uvicorn's server, which returns when it was told to stop. Its own would end the process there and then, by the
    same signal, with what is around it still open.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Takes SIGTERM and SIGINT as the word to stop, while the context lasts."""
        for number in STOPS:
            asyncio.get_running_loop().add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in STOPS:
                asyncio.get_running_loop().remove_signal_handler(number)


def server(app: Any, settings: GatewaySettings) -> Server:
    """The server of an application, within the bounds of the settings."""
    trusts_proxies = settings.gateway_trusted_proxies > 0
    bounds = {
        "max_connections": settings.gateway_max_connections,
        # Behind proxies every connection comes from one of a few addresses.
        "max_per_address": 0 if trusts_proxies else settings.gateway_max_connections_per_address,
        "by_address": {},
    }
    config = uvicorn.Config(
        app,
        host=settings.gateway_host,
        port=settings.gateway_port,
        http=type("GatewayProtocol", (BoundedProtocol,), bounds),
        ws="none",
        loop="asyncio",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # which of them count is decided in gateway/origin.py
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=round(settings.drain_seconds),
    )
    return Server(config)


def _head_too_large() -> Problem:
    message = f"The request's head is larger than {MAX_HEAD_BYTES} bytes, or has more than {MAX_HEADERS} headers."
    return Problem(Code.INVALID_ARGUMENT, f"{message} Send less in it.", http_status=431)
