"""The relay between Catalog and Webhooks: whatever happens, events go on, in order."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from sedifex.webhooks.v1 import webhooks_pb2

from services.catalog.models import handle, outbox
from services.common.database import Database
from services.common.ids import new_id
from services.common.outbox import OutboxEvent
from services.common.relay import Relay
from services.common.times import now
from tests.partner import WAIT_S
from tests.system import Settings


class Webhooks:
    """A Webhooks service that takes what it is given, or fails as it is told."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.failures: list[BaseException] = []
        self.arrived = asyncio.Event()

    async def PublishEvents(self, request: webhooks_pb2.PublishEventsRequest, **_options: Any) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.taken += [event.id for event in request.events]
        self.arrived.set()


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The catalog's database, with the lease in the hand of relay "a" and not in that of a running Catalog service."""
    url = settings.catalog.catalog_database_url.get_secret_value()
    with Database(handle, url, 2, "test-relay") as made:
        await made.read(handle.execute_sql, "DELETE FROM outbox")
        await _set_lease(made, "a", "1 hour")
        yield made
        await _set_lease(made, "", "-1 s")


async def _put(database: Database, count: int) -> list[str]:
    """Puts events in the outbox; answers their ids."""
    events = [OutboxEvent(new_id("evt"), "st_relay", "product.created", n, now(), "{}") for n in range(1, count + 1)]

    await database.write(outbox.insert, events)
    return [event.event_id for event in events]


async def test_events_arrive_in_order_and_leave_the_outbox(database: Database) -> None:
    webhooks = Webhooks()
    ids = await _put(database, 5)
    assert await Relay(database, outbox, webhooks, "a").relay_batch() == 5  # type: ignore[arg-type]
    assert webhooks.taken == ids
    assert await database.read(outbox.list, 10) == []


@pytest.mark.parametrize(
    "failure",
    [
        grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata()),
        RuntimeError("a mistake of ours"),
    ],
)
async def test_nothing_that_goes_wrong_ends_the_relay_or_loses_an_event(
    database: Database, failure: BaseException
) -> None:
    webhooks = Webhooks()
    webhooks.failures = [failure, failure]
    relay = Relay(database, outbox, webhooks, "a")  # type: ignore[arg-type]
    ids = await _put(database, 2)
    running = asyncio.create_task(relay.run())
    relay.wake()
    try:
        async with asyncio.timeout(WAIT_S):
            await webhooks.arrived.wait()
        assert webhooks.taken == ids
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_one_relay_is_at_work_at_a_time(database: Database) -> None:
    first, second = Webhooks(), Webhooks()
    ids = await _put(database, 1)
    relays = [Relay(database, outbox, each, name) for each, name in ((first, "a"), (second, "b"))]  # type: ignore[arg-type]
    assert [await relay.relay_batch() for relay in relays] == [1, 0]
    assert (first.taken, second.taken) == (ids, [])


async def test_a_relay_that_stops_makes_room_at_once(database: Database) -> None:
    relay = Relay(database, outbox, Webhooks(), "a")  # type: ignore[arg-type]
    await relay.relay_batch()
    await relay.close()
    statement = "SELECT holder <> 'a' OR expire_time < now() FROM relay_lease"
    assert (await database.read(handle.execute_sql, statement)).fetchone() == (True,)


async def test_a_relay_that_died_is_followed_when_its_lease_has_run_out(database: Database) -> None:
    await _set_lease(database, "dead", "1 hour")
    await _put(database, 1)
    relay = Relay(database, outbox, Webhooks(), "b")  # type: ignore[arg-type]
    assert await relay.relay_batch() == 0
    await _set_lease(database, "dead", "-1 s")
    # By this relay, or by that of a Catalog service which runs for other tests.
    async with asyncio.timeout(WAIT_S):
        while await database.read(outbox.list, 1):
            await relay.relay_batch()


async def _set_lease(database: Database, holder: str, runs_out_in: str) -> None:
    statement = "UPDATE relay_lease SET holder = %s, expire_time = now() + %s::interval"
    await database.read(handle.execute_sql, statement, (holder, runs_out_in))
