"""What a client may do to the server: real connections, and bytes as a bad client would send them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import http_server
from gateway.every_answer import EveryAnswer
from gateway.limits import Crowding
from services.common.settings import GatewaySettings

GET = b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n"
LARGE = 32 * 1024 * 1024


async def _echo(request: Request) -> Response:
    return Response(await request.body() or b"served")


async def _large(_request: Request) -> Response:
    return Response(b"x" * LARGE)


async def _endless(_request: Request) -> Response:
    await asyncio.Event().wait()
    return Response()


async def _unread(_request: Request) -> Response:
    return Response(b"not read", 413)


class Connection:
    """A connection of a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def send(self, data: bytes) -> None:
        """Sends."""
        self._writer.write(data)

    async def flush(self) -> None:
        """Waits until it has been sent."""
        await self._writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer: status, headers, body."""
        async with asyncio.timeout(10):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in head[1:] if line}
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return int(head[0].split()[1]), headers, body

    async def error(self, status: int) -> dict[str, Any]:
        """The next answer, which must be an error of this status in our form, and the last one."""
        got, headers, body = await self.answer()
        error: dict[str, Any] = json.loads(body)["error"]
        assert (got, error["code"]) == (status, status)
        assert headers["content-type"] == "application/json"
        assert error["requestId"] == headers["x-request-id"]
        return error

    async def ended(self) -> bytes:
        """What came before the server has ended the connection."""
        async with asyncio.timeout(10):
            try:
                return await self._reader.read()
            except ConnectionResetError:
                return b""


Connect = Callable[[], Awaitable[Connection]]


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[tuple[Connect, Any]]:
    """A server of a little application; how to connect to it, and itself."""
    values = {"service_secret": "s" * 32, "mode": "development", "drain_seconds": 5, **settings}
    routes = [
        Route("/", _echo, methods=["GET", "POST"]),
        Route("/large", _large),
        Route("/endless", _endless),
        Route("/unread", _unread, methods=["POST"]),
    ]
    around = [Middleware(EveryAnswer, https_only=False), Middleware(Crowding, max_requests=100)]
    app = Starlette(routes=routes, middleware=around)
    server = http_server.server(app, GatewaySettings.model_validate(values).model_copy(update={"gateway_port": 0}))
    serving = asyncio.create_task(server._serve())
    writers: list[asyncio.StreamWriter] = []

    async def connect() -> Connection:
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return Connection(reader, writer)

    while not server.started:  # noqa: ASYNC110 - uvicorn gives no notice
        await asyncio.sleep(0.01)
    try:
        yield connect, server
    finally:
        for writer in writers:
            writer.close()
        server.should_exit = True
        await serving


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS where there is none
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_400_in_our_form_and_the_connection_ends(request_bytes: bytes) -> None:
    async with running() as (connect, _):
        client = await connect()
        client.send(request_bytes)
        error = await client.error(400)
        assert error["status"] == "INVALID_ARGUMENT"
        assert await client.ended() == b""


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: a\r\n" % number for number in range(101)) + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * 40_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Endless: " + b"a" * 40_000,
        b"GET /" + b"a" * 40_000,
    ],
)
async def test_a_head_that_is_too_large_is_431_also_before_it_is_whole(head: bytes) -> None:
    async with running() as (connect, _):
        client = await connect()
        client.send(head)
        await client.error(431)
        assert await client.ended() == b""


async def test_a_head_within_bounds_passes_with_a_large_body_behind_it() -> None:
    async with running() as (connect, _):
        client = await connect()
        headers = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 300) for number in range(95))
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n" + headers + b"\r\n" + b"b" * 200_000)
        assert (await client.answer())[2] == b"b" * 200_000
        client.send(GET)
        assert (await client.answer())[0] == 200


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nHost: ", b"G"])
async def test_a_head_that_does_not_come_is_408(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(http_server, "HEAD_WITHIN_S", 0.2)
    async with running() as (connect, _):
        client = await connect()
        client.send(sent)
        assert (await client.error(408))["status"] == "DEADLINE_EXCEEDED"
        assert await client.ended() == b""


@pytest.mark.parametrize("sent", [b"", GET])
@pytest.mark.parametrize("dripped", [b"", b"\r\n"])
async def test_a_connection_on_which_nothing_is_asked_is_ended(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, dripped: bytes
) -> None:
    """Empty lines before a request are allowed, and must not keep a connection."""
    monkeypatch.setattr(http_server, "HEAD_WITHIN_S", 0.2)
    monkeypatch.setattr(http_server, "KEEP_ALIVE_S", 1)
    async with running() as (connect, _):
        client = await connect()
        if sent:
            client.send(sent)
            assert (await client.answer())[0] == 200
        client.send(dripped)
        await client.ended()


async def test_a_client_that_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "READ_EVERY_S", 0.2)
    async with running() as (connect, server):
        client = await connect()
        client.send(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        async with asyncio.timeout(10):
            while not server.server_state.connections:  # noqa: ASYNC110 - nobody gives notice
                await asyncio.sleep(0.01)
            while server.server_state.connections:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert len(await client.ended()) < LARGE


async def test_a_client_that_reads_slowly_gets_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "READ_EVERY_S", 0.2)
    async with running() as (connect, _):
        client = await connect()
        client.send(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        _, headers, body = await client.answer()
        assert len(body) == int(headers["content-length"]) == LARGE


async def test_an_early_answer_reaches_a_client_that_is_still_sending() -> None:
    async with running() as (connect, _):
        client = await connect()
        client.send(b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 2_000_000)
        assert (await client.answer())[0] == 413
        client.send(b"x" * 3_000_000)
        client.send(GET)
        assert (await client.answer())[0] == 200, "the rest was read and the connection goes on"


async def test_a_connection_too_many_is_told_so_and_the_others_are_served() -> None:
    async with running(gateway_max_connections=2, gateway_max_connections_per_address=0) as (connect, _):
        served = [await connect() for _ in range(2)]
        for each in served:
            each.send(GET)
            assert (await each.answer())[0] == 200
        refused = await connect()
        refused.send(GET)
        assert (await refused.error(503))["status"] == "UNAVAILABLE"
        served[0].send(GET)
        assert (await served[0].answer())[0] == 200


async def test_one_address_cannot_have_all_connections_unless_it_is_a_proxy() -> None:
    async with running(gateway_max_connections_per_address=1) as (connect, _):
        first, second = await connect(), await connect()
        first.send(GET)
        assert (await first.answer())[0] == 200
        second.send(GET)
        await second.error(503)
    async with running(gateway_max_connections_per_address=1, gateway_trusted_proxies=1) as (connect, _):
        for each in [await connect(), await connect()]:
            each.send(GET)
            assert (await each.answer())[0] == 200


async def test_at_shutdown_what_is_in_flight_or_on_its_way_is_answered() -> None:
    async with running() as (connect, server):
        idle, asking, begun = await connect(), await connect(), await connect()
        for each in (idle, asking, begun):
            each.send(GET)
            await each.answer()
        asking.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
        begun.send(b"GET / HTTP/1.1\r\nHo")
        for each in (asking, begun):
            await each.flush()
        server.should_exit = True
        assert await idle.ended() == b""
        asking.send(b"def")
        status, headers, body = await asking.answer()
        assert (status, headers["connection"], body) == (200, "close", b"abcdef")
        begun.send(b"st: a\r\n\r\n")
        status, headers, body = await begun.answer()
        assert (status, headers["connection"], body) == (200, "close", b"served")


async def test_who_is_still_waiting_when_the_time_to_drain_is_over_is_told_so() -> None:
    async with running(drain_seconds=1) as (connect, server):
        client = await connect()
        client.send(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
        await client.flush()
        while not server.server_state.tasks:  # noqa: ASYNC110 - nobody gives notice
            await asyncio.sleep(0.01)
        server.should_exit = True
        error = await client.error(503)
        assert error["details"][0]["reason"] == "STOPPING"
