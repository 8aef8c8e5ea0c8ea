"""Those who use the shop in staging, all the time, whatever is done to it: each request of theirs has to succeed."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import httpx
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc

from services.common.clients import CHANNEL_OPTIONS
from staging.place import CLIENTS, PUBLIC_NAME

BASE = f"https://{PUBLIC_NAME}"
REQUEST_S = 10.0
PAUSE_S = 0.1
"""Between two requests of one client. A key may make 1,200 requests a minute at each gateway."""
KEPT = 1_000
"""Of the failures, how many are kept in words."""

Ask = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Failure:
    """A request that did not succeed."""

    moment: float
    client: str
    what: str


@dataclass
class Load:
    """What was asked, and what came of it."""

    asked: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    prices: list[tuple[str, str]] = field(default_factory=list)
    """Products' names and the prices that they were given, each acknowledged: a webhook must tell of each."""
    slowest: float = 0
    """Seconds that the slowest request took that succeeded, since `reset_slowest`."""
    _may_ask: asyncio.Event = field(default_factory=asyncio.Event)
    _under_way: int = 0
    _quiet: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Nobody asks while the context lasts: for what cannot be done while people shop."""
        self._may_ask.clear()
        self._quiet.clear()
        if self._under_way:
            await self._quiet.wait()
        try:
            yield
        finally:
            self._may_ask.set()

    async def keep_asking(self, client: str, ask: Ask) -> None:
        """Asks again and again until cancelled."""
        while True:
            await self._may_ask.wait()
            began = time.monotonic()
            self._under_way += 1
            try:
                await ask()
                self.slowest = max(self.slowest, time.monotonic() - began)
            except (httpx.HTTPError, grpc.aio.AioRpcError, AssertionError) as problem:
                self.failed[client] += 1
                if len(self.failures) < KEPT:
                    self.failures.append(Failure(time.time(), client, _words(problem)))
            finally:
                self.asked[client] += 1
                self._under_way -= 1
                if not self._under_way:
                    self._quiet.set()
            await asyncio.sleep(PAUSE_S)


@dataclass(frozen=True)
class Shop:
    """The shop that they use."""

    store: str
    products: list[str]
    """One for each client that changes something."""
    new_key: Callable[[], Awaitable[str]]


@asynccontextmanager
async def asking(shop: Shop, roots: Path, direct: Callable[[str], grpc.aio.Channel]) -> AsyncIterator[Load]:
    """The clients, while the context lasts. `roots` is what they trust; `direct` opens a channel as an internal service
    does."""
    load = Load()
    load._may_ask.set()
    tasks: list[asyncio.Task[None]] = []
    trust = httpx.create_ssl_context(verify=str(roots))
    credentials = grpc.ssl_channel_credentials(roots.read_bytes())
    outside = grpc.aio.secure_channel(f"{PUBLIC_NAME}:443", credentials, options=CHANNEL_OPTIONS)
    inside = direct("catalog")
    clients: list[httpx.AsyncClient] = []

    async def rest(address: str) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(verify=trust, local_address=address)
        headers = {"Authorization": f"Bearer {await shop.new_key()}"}
        client = httpx.AsyncClient(base_url=BASE, transport=transport, headers=headers, timeout=REQUEST_S)
        clients.append(client)
        return client

    try:
        for number, address in enumerate(CLIENTS, 1):
            client = await rest(address)
            tasks.append(_start(load, f"reader {number}, REST", _reader(client, shop.store)))
        for number, product in enumerate(shop.products, 1):
            client = await rest(CLIENTS[number % len(CLIENTS)])
            tasks.append(_start(load, f"writer {number}, REST", _writer(client, product, load)))
        for name, channel in (("gRPC through nginx", outside), ("gRPC from a service", inside)):
            for number in range(1, 3):
                ask = _caller(channel, await shop.new_key(), shop.store)
                tasks.append(_start(load, f"reader {number}, {name}", ask))
        yield load
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in clients:
            await client.aclose()
        await outside.close()
        await inside.close()


def _start(load: Load, name: str, ask: Ask) -> asyncio.Task[None]:
    return asyncio.create_task(load.keep_asking(name, ask))


def _reader(client: httpx.AsyncClient, store: str) -> Ask:
    async def ask() -> None:
        answer = await client.get(f"/v1/{store}/products", params={"pageSize": 20})
        assert answer.status_code == 200, f"{answer.status_code} {answer.text[:300]}"

    return ask


def _writer(client: httpx.AsyncClient, product: str, load: Load) -> Ask:
    price = Decimal("10.00")

    async def ask() -> None:
        nonlocal price
        price += Decimal("0.01")
        body = {"price": {"amount": str(price)}}
        answer = await client.patch(f"/v1/{product}", params={"updateMask": "price"}, json=body)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text[:300]}"
        load.prices.append((product, str(price)))

    return ask


def _caller(channel: grpc.aio.Channel, key: str, store: str) -> Ask:
    stub: Any = catalog_pb2_grpc.CatalogServiceStub(channel)
    request = catalog_pb2.ListProductsRequest(parent=store, page_size=20)
    metadata = (("authorization", f"Bearer {key}"),)

    async def ask() -> None:
        await stub.ListProducts(request, metadata=metadata, timeout=REQUEST_S)

    return ask


def _words(problem: Exception) -> str:
    if isinstance(problem, grpc.aio.AioRpcError):
        return f"{problem.code().name} {problem.details()}"
    return f"{type(problem).__name__} {problem}"
