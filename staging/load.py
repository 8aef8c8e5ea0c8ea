"""Those who use the shop in staging, all the time, whatever is done to it: each request of theirs has to succeed."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import httpx
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc

from staging.place import CLIENTS, PUBLIC_NAME

BASE = f"https://{PUBLIC_NAME}"
REQUEST_S = 10.0
PAUSE_S = 0.1
"""Between two requests of one client. A key may make 1,200 requests a minute at each gateway."""
KEPT = 20
"""Of the failures of an act, how many are kept in words."""

Ask = Callable[[], Awaitable[None]]


class RefusedError(Exception):
    """An answer that is no success."""


@dataclass(frozen=True)
class Failure:
    """A request that did not succeed."""

    moment: float
    client: str
    what: str


@dataclass
class Load:
    """What was asked, and what came of it."""

    asked: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    """The first ones since `begin`."""
    last_failure: float = 0
    """When the last one was, Unix time."""
    prices: list[tuple[str, str]] = field(default_factory=list)
    """Products' names and the prices that they were given, each acknowledged: a webhook must tell of each."""
    slowest: float = 0
    """Seconds that the slowest request took that succeeded, since `begin`."""

    def begin(self) -> None:
        """Forgets failures and the slowest request: an act begins."""
        self.failures, self.slowest = [], 0

    async def keep_asking(self, client: str, ask: Ask) -> None:
        """Asks again and again until cancelled."""
        while True:
            began = time.monotonic()
            try:
                await ask()
                self.slowest = max(self.slowest, time.monotonic() - began)
            except (httpx.HTTPError, grpc.aio.AioRpcError, RefusedError) as problem:
                self.failed += 1
                self.last_failure = time.time()
                if len(self.failures) < KEPT:
                    self.failures.append(Failure(time.time(), client, _words(problem)))
            finally:
                self.asked += 1
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
    tasks: list[asyncio.Task[None]] = []
    trust = httpx.create_ssl_context(verify=str(roots))
    outside, inside = _outside(roots), direct("catalog")
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


def _outside(roots: Path) -> grpc.aio.Channel:
    credentials = grpc.ssl_channel_credentials(roots.read_bytes())
    return grpc.aio.secure_channel(f"{PUBLIC_NAME}:443", credentials)


def _start(load: Load, name: str, ask: Ask) -> asyncio.Task[None]:
    return asyncio.create_task(load.keep_asking(name, ask))


def _reader(client: httpx.AsyncClient, store: str) -> Ask:
    async def ask() -> None:
        answer = await client.get(f"/v1/{store}/products", params={"pageSize": 20})
        _check(answer)

    return ask


def _writer(client: httpx.AsyncClient, product: str, load: Load) -> Ask:
    price = Decimal("10.00")

    async def ask() -> None:
        nonlocal price
        price += Decimal("0.01")
        body = {"price": {"amount": str(price)}}
        answer = await client.patch(f"/v1/{product}", params={"updateMask": "price"}, json=body)
        _check(answer)
        load.prices.append((product, str(price)))

    return ask


def _caller(channel: grpc.aio.Channel, key: str, store: str) -> Ask:
    stub: Any = catalog_pb2_grpc.CatalogServiceStub(channel)
    request = catalog_pb2.ListProductsRequest(parent=store, page_size=20)
    metadata = (("authorization", f"Bearer {key}"),)

    async def ask() -> None:
        await stub.ListProducts(request, metadata=metadata, timeout=REQUEST_S)

    return ask


def _check(answer: httpx.Response) -> None:
    if answer.status_code != httpx.codes.OK:
        raise RefusedError(f"{answer.status_code} {answer.text[:300]}")


def _words(problem: Exception) -> str:
    if isinstance(problem, grpc.aio.AioRpcError):
        return f"{problem.code().name} {problem.details()}"
    return f"{type(problem).__name__} {problem}"
