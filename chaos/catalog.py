"""Scenarios of the catalogue. The promise: every committed change that integrations can see makes one event, in the
order of the changes of its product, and nothing else makes any; whatever is killed in between.
"""

import asyncio
import json
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import grpc
import psycopg2
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc

from chaos.scenarios import Family, Options, Result
from cli.up.state import Refusal
from rig import system
from rig.operator import Operator
from rig.system import System, free_address
from services.common.clients import CHANNEL_OPTIONS

Product = catalog_pb2.Product

WRITERS = 6
PRODUCTS = 40
STORES = 3
CATALOGS = ("catalog", "catalog-2")
DEADLINE_S = 5.0
SETTLE_S = 60.0
"""How long the last events may take to arrive when everything works again."""
TEND_S = 0.2


@dataclass
class Stage:
    """Two Catalog processes on one database, and those who write through them."""

    system: System
    operator: Operator
    chance: random.Random
    stubs: Sequence[Any]
    stores: Sequence[str]
    down: set[str] = field(default_factory=set)
    """Processes that are to stay down for now."""
    done: Counter[str] = field(default_factory=Counter)
    written: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a write has been answered."""

    async def tend(self) -> None:
        """Starts again what has ended, as a supervisor would: a service that finds no database does not start."""
        while True:
            for name, process in self.system.processes.items():
                if not process.is_alive and name not in self.down:
                    process.start()
            await asyncio.sleep(TEND_S)

    async def kill(self, name: str) -> None:
        """Ends a process with kill -9; it is started again after a while."""
        self.down.add(name)
        try:
            self.system.processes[name].kill()
            self.done[f"{name.partition('-')[0]} killed"] += 1
            await asyncio.sleep(self.chance.uniform(0, 1.5))
        finally:
            self.down.discard(name)

    async def kill_database(self) -> None:
        """Ends PostgreSQL with kill -9, and starts it again after a while."""
        await self.system.kill_database()
        self.done["PostgreSQL killed"] += 1
        try:
            await asyncio.sleep(self.chance.uniform(0, 1))
        finally:
            await self.system.start_database()

    async def write(self, chance: random.Random) -> None:
        """Changes products at random until cancelled; what fails may have been done or not, as for any client."""
        while True:
            stub = chance.choice(self.stubs)
            try:
                await _change(stub, self.operator.metadata, chance.choice(self.stores), chance)
                self.done["writes answered"] += 1
                self.written.set()
            except grpc.aio.AioRpcError as failure:
                self.done[f"writes {failure.code().name.lower().replace('_', ' ')}"] += 1
                if failure.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
                    await asyncio.sleep(0.05)


Disturb = Callable[[Stage], Awaitable[None]]


async def _kill_catalog(stage: Stage) -> None:
    await stage.kill(stage.chance.choice(CATALOGS))


async def _kill_webhooks(stage: Stage) -> None:
    await stage.kill("webhooks")


async def _kill_database(stage: Stage) -> None:
    await stage.kill_database()


async def _kill_any(stage: Stage) -> None:
    await stage.chance.choice((_kill_catalog, _kill_webhooks, _kill_database))(stage)


async def _disturb(stage: Stage, disturb: Disturb) -> None:
    """Disturbs again and again; in between some writes get through, or nothing would be proved."""
    while True:
        for _ in range(stage.chance.randint(1, 40)):
            stage.written.clear()
            await stage.written.wait()
        await disturb(stage)


SCENARIOS: dict[str, tuple[str, Disturb]] = {
    "outbox-catalog-killed": ("Catalog and the relay in it killed and started again", _kill_catalog),
    "outbox-webhooks-killed": ("Webhooks killed and started again", _kill_webhooks),
    "outbox-database-killed": ("PostgreSQL killed and started again", _kill_database),
    "outbox-mixed": ("all of this", _kill_any),
}


async def run(options: Options, names: Sequence[str]) -> AsyncIterator[Result]:
    """Plays these scenarios, each on stores of its own."""
    async with system.running(options.folder) as (made, operator), AsyncExitStack() as stack:
        second = free_address()
        made.add("catalog-2", "services.catalog", catalog_listen=second)
        await made.until_serving("catalog-2", second)
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS))
            for address in (made.values["catalog_address"], second)
        ]
        stubs = [catalog_pb2_grpc.CatalogServiceStub(each) for each in channels]
        for name in names:
            chance = random.Random(f"{options.seed} {name}")
            stores = [await operator.new_store() for _ in range(STORES)]
            yield await _play(Stage(made, operator, chance, stubs, stores), name, options.seconds)


FAMILY = Family({name: about for name, (about, _) in SCENARIOS.items()}, run)


async def _play(stage: Stage, name: str, seconds: float) -> Result:
    result = Result(name)
    tending = asyncio.create_task(stage.tend())
    writing = [asyncio.create_task(stage.write(random.Random(stage.chance.random()))) for _ in range(WRITERS)]
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await _disturb(stage, SCENARIOS[name][1])
        for task in writing:
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)
        await stage.system.start_database()
        await _until_ready(stage)
        await _judge(stage, result)
    finally:
        tending.cancel()
        await asyncio.gather(tending, return_exceptions=True)
    return result


async def _judge(stage: Stage, result: Result) -> None:
    """Holds the events that Webhooks has against the products that Catalog has, when nothing is on its way any more."""
    try:
        await _until_empty(stage)
    except TimeoutError:
        result.failures.append(f"events were still on their way after {SETTLE_S:.0f} s")
    for store in stage.stores:
        events, truth = await asyncio.to_thread(_read, stage.system, store)
        result.checks += len(events)
        result.violations += [f"{store}: {problem}" for problem in problems_of(events, truth)]
    result.facts.append(f"{result.checks:,} events, each held against the one before it and the products at the end")
    result.facts.append("done: " + ", ".join(f"{what} {count:,}" for what, count in sorted(stage.done.items())))
    if not stage.done["writes answered"]:
        result.failures.append("nothing was written: this proves nothing")


def problems_of(events: Sequence[dict[str, Any]], truth: dict[str, str]) -> list[str]:
    """What is wrong with a store's events, by sequence; `truth` holds the etag of each product that can be seen.

    Each event tells what was before it. So one that is missing, came twice, or was made up, breaks the chain of its
    product, and one that is missing at the end leaves another etag than the product has.
    """
    problems, seen = [], defaultdict[str, str](str)
    for number, times in Counter(event["sequence"] for event in events).items():
        if times > 1:
            problems.append(f"{times} events have the sequence {number}")
    for event in events:
        product, data = event["data"]["productId"], event["data"]
        before, after = ((data[side] or {}).get("etag", "") for side in ("before", "after"))
        if before != seen[product]:
            problems.append(f"{product}: {event['type']} {event['sequence']} follows {before!r}, not {seen[product]!r}")
        seen[product] = after
    told = {product: etag for product, etag in seen.items() if etag}
    problems += [f"{product}: its last event is missing" for product in truth if told.get(product) != truth[product]]
    problems += [f"{product}: events tell of what is not there" for product in told if product not in truth]
    return problems


async def _change(stub: Any, metadata: Any, store: str, chance: random.Random) -> None:
    names = [f"{store}/products/p{number}" for number in chance.sample(range(PRODUCTS), 4)]
    call = {"metadata": metadata, "timeout": DEADLINE_S}
    match chance.randint(0, 9):
        case 0:
            await stub.DeleteProduct(catalog_pb2.DeleteProductRequest(name=names[0]), **call)
        case 1:
            await stub.UndeleteProduct(catalog_pb2.UndeleteProductRequest(name=names[0]), **call)
        case 2 | 3:
            rows = [_product(name, chance) for name in names]
            await stub.BatchUpsertProducts(catalog_pb2.BatchUpsertProductsRequest(parent=store, products=rows), **call)
        case _:
            wanted = catalog_pb2.UpdateProductRequest(product=_product(names[0], chance), allow_missing=True)
            await stub.UpdateProduct(wanted, **call)


def _product(name: str, chance: random.Random) -> catalog_pb2.Product:
    return Product(
        name=name,
        display_name=name.rpartition("/")[2],
        stock_count=chance.randint(0, 5),
        status=chance.choice([Product.STATUS_PUBLISHED, Product.STATUS_PUBLISHED, Product.STATUS_DRAFT]),
        website_visible=chance.random() < 0.8,
    )


async def _until_ready(stage: Stage) -> None:
    """Waits until everything serves; what found no database when it started is started again meanwhile.

    Raises:
        TimeoutError: it does not get there.
    """
    async with asyncio.timeout(SETTLE_S):
        while True:
            with suppress(Refusal):
                await stage.system.until_ready()
                return
            await asyncio.sleep(TEND_S)


async def _until_empty(stage: Stage) -> None:
    async with asyncio.timeout(SETTLE_S):
        while True:
            with suppress(psycopg2.Error):
                url = stage.system.values["catalog_database_url"]
                if not (await asyncio.to_thread(_fetch, url, "SELECT count(*) FROM outbox"))[0][0]:
                    return
            await asyncio.sleep(0.1)


def _read(made: System, store: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The store's events by sequence, and the etag of each product that integrations see."""
    store_id = store.partition("/")[2]
    statement = "SELECT body FROM event WHERE store_id = %s AND type LIKE 'product.%%'"
    events = [json.loads(bytes(row[0])) for row in _fetch(made.values["webhooks_database_url"], statement, store_id)]
    statement = """
        SELECT id, version::text FROM product
        WHERE store_id = %s AND status = 'published' AND website_visible AND delete_time IS NULL
    """
    truth = dict(_fetch(made.values["catalog_database_url"], statement, store_id))
    return sorted(events, key=lambda event: event["sequence"]), truth


def _fetch(url: str, statement: str, *values: object) -> list[Any]:
    connection = psycopg2.connect(url, connect_timeout=3)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())
    finally:
        connection.close()
