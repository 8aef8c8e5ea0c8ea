"""The gateway as a process of its own: how it ends, and what its limits are unless they are set."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway import app
from gateway.clients import backends
from tests.integration.conftest import gateway_settings
from tests.system import System

WAIT_S = 40.0
CLIENTS = 8


class Gateway:
    """A running gateway, and where it is."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to it."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def stop(self) -> int:
        """Asks it to end, and waits; its exit status."""
        if self.process.returncode is None:
            self.process.terminate()
        async with asyncio.timeout(WAIT_S):
            return await self.process.wait()


@asynccontextmanager
async def running(system: System, folder: Path, **values: str) -> AsyncIterator[Gateway]:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    keys = system.settings.keys
    given = {
        "SEDIFEX_KEYS_ADDRESS": keys.keys_address,
        "SEDIFEX_CATALOG_ADDRESS": keys.catalog_address,
        "SEDIFEX_WEBHOOKS_ADDRESS": keys.webhooks_address,
        "SEDIFEX_SERVICE_SECRET": keys.service_secret.get_secret_value(),
        "SEDIFEX_GATEWAY_PORT": str(port),
        "SEDIFEX_MODE": "development",
    }
    log = folder / "gateway.log"
    with log.open("w") as output:
        command = [str(Path(sys.executable).with_name("sedifex")), "gateway"]
        process = await asyncio.create_subprocess_exec(
            *command, env=os.environ | given | values, stdout=output, stderr=output
        )
    gateway = Gateway(process, port, log)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client, asyncio.timeout(WAIT_S):
            while not await _is_alive(client):
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.05)
        yield gateway
    finally:
        await gateway.stop()


async def _is_alive(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/healthz")).status_code == 200
    except httpx.TransportError:
        return False


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """The next answer: status, headers, body."""
    async with asyncio.timeout(WAIT_S):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in head[1:] if line}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return int(head[0].split()[1]), headers, body


@pytest.mark.parametrize("pause", [0.0, 0.01])
async def test_a_gateway_that_is_told_to_stop_answers_every_request_that_it_has_been_sent(
    system: System, tmp_path: Path, pause: float
) -> None:
    store = await system.new_store()
    _, client = await system.new_key(store)
    request = f"GET /v1/{store}/products HTTP/1.1\r\nHost: a\r\nX-Api-Key: {client.token}\r\n\r\n".encode()
    asked = 0
    stopping = asyncio.Event()

    async def ask(gateway: Gateway) -> int:
        """Asks on one connection for as long as it is kept; how many answers came after the gateway was told."""
        nonlocal asked
        reader, writer = await gateway.connect()
        late = 0
        try:
            while True:
                writer.write(request)
                asked += 1
                if asked > 10 * CLIENTS:
                    stopping.set()
                status, headers, body = await answer(reader)
                assert status == 200
                assert json.loads(body) is not None
                late += was_told
                if headers.get("connection") == "close":
                    assert await reader.read() == b""
                    return late
                await asyncio.sleep(pause)
        finally:
            writer.close()

    was_told = False
    async with running(system, tmp_path) as gateway:
        reader, writer = await gateway.connect()
        body = b'{"displayName":"Shea"}'
        head = f"POST /v1/{store}/products HTTP/1.1\r\nHost: a\r\nX-Api-Key: {client.token}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body[:5])
        clients = [asyncio.create_task(ask(gateway)) for _ in range(CLIENTS)]
        async with asyncio.timeout(WAIT_S):
            await stopping.wait()
        was_told = True
        gateway.process.terminate()
        late = await asyncio.gather(*clients)
        assert sum(late) >= CLIENTS, "each had at least one in flight"
        writer.write(body[5:])
        status, headers, _ = await answer(reader)
        assert (status, headers["connection"]) == (200, "close"), "a request that had only begun to come"
        writer.close()
        assert await gateway.stop() == 0
        with pytest.raises(ConnectionRefusedError):
            await gateway.connect()
    assert client.token not in gateway.log.read_text()


async def test_unless_they_are_set_there_are_limits_for_each_key_and_each_address(
    system: System, tmp_path: Path
) -> None:
    store = await system.new_store()
    _, client = await system.new_key(store)
    async with (
        running(system, tmp_path) as gateway,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as http,
    ):
        keyed = await http.get(f"/v1/{store}", headers={"X-Api-Key": client.token})
        assert keyed.headers["ratelimit-policy"] == "1200;w=60"
        assert (await http.get("/docs")).headers["ratelimit-policy"] == "6000;w=60"


async def test_a_program_that_goes_on_under_a_bad_key_is_told_401_and_at_its_limit_429(system: System) -> None:
    settings = gateway_settings(system, gateway_requests_per_minute_per_key=3)
    async with backends(settings) as services:
        transport = httpx.ASGITransport(app.build(settings, services))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            headers = {"X-Api-Key": "sdfx_test_" + "a" * 38}
            answers: list[Any] = [await http.get("/v1/stores", headers=headers) for _ in range(4)]
    assert [each.status_code for each in answers] == [401, 401, 401, 429]
    assert answers[-1].json()["error"]["details"][0]["reason"] == "RATE_LIMITED"
