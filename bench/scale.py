"""What grows with use: bytes a row, an index, a change and a delivery; memory and connections of each process.

docs/scaling.md reckons with these figures. Sizes are of tables that have just been filled; WAL is of the whole cluster,
with the full pages that follow a checkpoint, and with what an idle system writes besides taken away.
"""

import asyncio
import math
import os
import time
import tracemalloc
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import psutil
import psycopg2
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2
from sedifex.webhooks.v1 import webhooks_pb2, webhooks_pb2_grpc

from bench.catalog import fill
from bench.figures import Figure, Row, Run
from bench.gateway import server
from rig.partners import Partners, partners
from rig.system import System
from services.common.access.caller import Caller
from services.common.access.memory import MAX_KEPT, Kept, Memory
from services.common.clients import service_channel
from services.common.database import BlockingDatabase
from services.common.ids import new_id
from services.common.times import now
from services.keys.models import handle as keys_handle
from services.keys.queries import Use, note_uses

PRODUCTS = 20_000
CHANGED = 2_000
STORES = 40
KEYS_EACH = 50
EVENTS = 10_000
IDLE_S = 10.0
DEADLINE_S = 30.0
MIB = 1 << 20

Sizes = dict[str, tuple[int, int]]
"""Bytes of the rows, and of the indexes, of each table."""

_SIZES = """
    SELECT coalesce(pg_partition_root(oid), oid)::regclass::text,
        sum(pg_table_size(oid))::bigint, sum(pg_indexes_size(oid))::bigint
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace GROUP BY 1
"""
_CONNECTIONS = """
    SELECT CASE WHEN query LIKE 'LISTEN%' THEN 'a listener of ' || datname ELSE application_name END, count(*)
    FROM pg_stat_activity WHERE datname LIKE 'sedifex_%' AND (query LIKE 'LISTEN%' OR application_name <> '')
    GROUP BY 1 ORDER BY 1
"""


async def scale(run: Run) -> Sequence[Row]:
    """Fills each service's tables through its API, and weighs them."""
    idle = await _wal_of_idling(run.system)
    rows = [Row("WAL of an idle system", f"{idle:,.0f} bytes/s")]
    rows += await _catalog(run, idle)
    rows += await _keys(run, idle)
    rows += await _webhooks(run, idle)
    async with server(run, "gateway", "gateway"):
        rows.append(Row("memory of gateway, just started", f"{_memory(run.system, 'gateway') / MIB:.0f} MiB"))
    return rows


async def _catalog(run: Run, idle: float) -> list[Row]:
    """Products, and what a change of one costs while nobody is told of it."""
    system, store = run.system, await run.operator.new_store()
    wal = _Wal(system, idle)
    before = _sizes(system, "catalog")
    await fill(run.operator, store, PRODUCTS)
    await _until_empty(system, "catalog", "outbox")
    rows = [*_grown(before, _sizes(system, "catalog"), {"product": PRODUCTS}), wal.row("a new product", PRODUCTS)]
    listed = await _page(run, store)
    wal = _Wal(system, idle)
    for number, product in enumerate(listed):
        product.price.amount = f"{number}.25"
        request = catalog_pb2.UpdateProductRequest(product=product, update_mask=FieldMask(paths=["price"]))
        await run.operator.catalog.UpdateProduct(request, metadata=run.operator.metadata, timeout=DEADLINE_S)
    await _until_empty(system, "catalog", "outbox")
    return [*rows, wal.row("a changed price, its event relayed, no endpoint", len(listed))]


async def _keys(run: Run, idle: float) -> list[Row]:
    """Keys, the note of their use, and what a service remembers of one."""
    system = run.system
    stores = [await run.operator.new_store() for _ in range(STORES)]
    wal, before = _Wal(system, idle), _sizes(system, "keys")
    for store in stores:
        await asyncio.gather(*(run.operator.create(store) for _ in range(KEYS_EACH)))
    await _until_empty(system, "keys", "outbox")
    count = STORES * KEYS_EACH
    grown = _grown(before, _sizes(system, "keys"), {"api_key": count, "key_secret": count, "audit_entry": count})
    rows = [*grown, wal.row("a new key, audited, its event relayed", count)]
    return [*rows, await asyncio.to_thread(_notes, system, idle), _remembered()]


async def _webhooks(run: Run, idle: float) -> list[Row]:
    """Events that nobody hears, events with a delivery each, and deliveries made."""
    system = run.system
    with partners(system) as made:
        before, wal = _sizes(system, "webhooks"), _Wal(system, idle)
        await _publish(run, "st_unheard")
        rows = [
            *_grown(before, _sizes(system, "webhooks"), {"event": EVENTS}),
            wal.row("an event that nobody hears", EVENTS),
        ]
        made.add_endpoints(1, "st_heard")
        before, wal = _sizes(system, "webhooks"), _Wal(system, idle)
        await _publish(run, "st_heard")
        published = wal.row("an event and its delivery, published", EVENTS)
        wal = _Wal(system, idle)
        made.start_worker(1)
        await _until(lambda: _drained(made))
        sent = wal.row("a delivery sent and recorded", EVENTS)
        rows += [*_grown(before, _sizes(system, "webhooks"), {"delivery": EVENTS, "attempt": EVENTS}), published, sent]
        rows += [Row(f"connections: {name}", f"{count}") for name, count in _ask(system, "keys", _CONNECTIONS)]
        rows += [
            Row(f"memory of {name}", f"{_memory(system, name) / MIB:.0f} MiB")
            for name in ("keys-1", "catalog", "webhooks", "worker-1")
        ]
    return rows


class _Wal:
    """Bytes of WAL from now on, without those that an idle system writes anyhow."""

    def __init__(self, system: System, idle: float) -> None:
        self._system, self._idle = system, idle
        self._began, (self._bytes, self._pages) = time.monotonic(), _wal(system)

    def row(self, what: str, count: int) -> Row:
        """What each of so many has taken."""
        written, pages = _wal(self._system)
        each = (written - self._bytes - self._idle * (time.monotonic() - self._began)) / count
        return Row(f"WAL of {what}", f"{each:,.0f} bytes", f"{(pages - self._pages) / count:.2f} full pages among it")


def _grown(before: Sizes, after: Sizes, rows: dict[str, int]) -> Iterator[Row]:
    for table, count in rows.items():
        heap, indexes = ((now - then) / count for now, then in zip(after[table], before[table], strict=True))
        yield Row(f"a row of {table}", f"{heap:,.0f} bytes", f"and {indexes:,.0f} in indexes")


async def _page(run: Run, store: str) -> list[catalog_pb2.Product]:
    """The first products of a store."""
    found: list[catalog_pb2.Product] = []
    token = ""
    while len(found) < CHANGED:
        request = catalog_pb2.ListProductsRequest(parent=store, page_size=200, page_token=token)
        answer = await run.operator.catalog.ListProducts(request, metadata=run.operator.metadata, timeout=DEADLINE_S)
        found += answer.products
        token = answer.next_page_token
    return found[:CHANGED]


def _notes(system: System, idle: float) -> Row:
    """That keys were used, written the way the Keys service does every two seconds."""
    ids = [str(each) for (each,) in _ask(system, "keys", "SELECT id FROM key_secret")]
    with BlockingDatabase(keys_handle, system.values["keys_database_url"], "bench") as database:
        for _ in range(3):  # the first makes the rows of the day and the hour
            wal = _Wal(system, idle)
            database.read(note_uses, {each: Use(now(), "192.0.2.1", "bench", 1) for each in ids})
    return wal.row("the note that a key was used, every 2 s while it is", len(ids))


def _remembered() -> Row:
    """The memory that a verdict takes, of as many as a process holds at most."""
    memory = Memory()
    tracemalloc.start()
    for number in range(MAX_KEPT):
        store, scopes = frozenset([f"st_{number:012}"]), frozenset(["catalog.read", "webhooks.read"])
        caller = Caller(
            new_id("keys/key"), access_pb2.AUDIENCE_INTEGRATION, scopes, store, credential_id=str(uuid.uuid4())
        )
        memory.keep(os.urandom(32), Kept(caller, math.inf), 0)
    bytes_held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return Row(
        "memory of a verdict",
        f"{bytes_held / MAX_KEPT:,.0f} bytes",
        f"{bytes_held / MIB:.0f} MiB for {MAX_KEPT:,}, the most",
    )


async def _publish(run: Run, store: str) -> None:
    """Publishes events of a store as the relay does."""
    channel = service_channel(run.system.values["webhooks_address"], "catalog", run.system.values["service_secret"])
    async with channel:
        stub = webhooks_pb2_grpc.WebhooksServiceStub(channel)
        for start in range(0, EVENTS, 500):
            events = [_event(store, number) for number in range(start, start + 500)]
            await stub.PublishEvents(webhooks_pb2.PublishEventsRequest(events=events), timeout=DEADLINE_S)


def _event(store: str, number: int) -> webhooks_pb2.Event:
    moment = Timestamp()
    moment.GetCurrentTime()
    # As long as the event of a changed price: the product before and after.
    data = f'{{"productId":"prod_{number}","before":null,"after":{{"displayName":"{"x" * 1_000}"}}}}'
    return webhooks_pb2.Event(
        id=new_id("evt"),
        store=f"stores/{store}",
        type="product.updated",
        occur_time=moment,
        sequence=number + 1,
        data=data,
    )


async def _wal_of_idling(system: System) -> float:
    """Bytes of WAL a second while nobody asks for anything: leases and their renewal."""
    before, _ = _wal(system)
    await asyncio.sleep(IDLE_S)
    return (_wal(system)[0] - before) / IDLE_S


async def _drained(made: Partners) -> bool:
    return await asyncio.to_thread(made.drained)


async def _until_empty(system: System, service: str, table: str) -> None:
    async def is_empty() -> bool:
        return not await asyncio.to_thread(_ask, system, service, f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608 - ours

    await _until(is_empty)


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    while not await holds():  # noqa: ASYNC110 - the database gives no notice of it
        await asyncio.sleep(0.05)


def _sizes(system: System, service: str) -> Sizes:
    return {name: (heap, indexes) for name, heap, indexes in _ask(system, service, _SIZES)}


def _wal(system: System) -> tuple[int, int]:
    """How many bytes of WAL there have ever been, and how many full pages among them."""
    ((written,),) = _ask(system, "keys", "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
    ((pages,),) = _ask(system, "keys", "SELECT wal_fpi FROM pg_stat_wal")
    return int(written), int(pages)


def _memory(system: System, process: str) -> int:
    return int(psutil.Process(system.processes[process].pid).memory_info().rss)


def _ask(system: System, service: str, statement: str) -> list[tuple[Any, ...]]:
    with (
        closing(psycopg2.connect(system.values[f"{service}_database_url"])) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
        return list(cursor.fetchall())


FIGURES = (Figure("scale", scale),)
