"""Scenarios of webhooks while things break. The promises: no accepted event is lost; none is sent again once its
success is on record; what is sent twice was in flight when something was killed, and carries the same id."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import grpc
import psycopg2
from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.webhooks.v1 import webhooks_pb2, webhooks_pb2_grpc

from chaos.scenarios import Family, Options, Result
from rig import disk, system
from rig.clock import Clock, find_library
from rig.partners import Partners, partners
from rig.system import System
from services.common.clients import service_channel
from services.common.ids import new_id
from services.webhooks.signing import TOLERANCE_SECONDS
from services.webhooks.worker.queue_thread import LEASE_S

STORES = 10
BATCH = 5
PUBLISH_EVERY_S = 0.05
CALL_S = 5.0
LATE_MS = 1_500
"""When the receivers that answer late do: a worker that is killed meanwhile cannot know how it ended."""
SETTLE_S = 3 * LEASE_S
"""How long what was in flight may take to be sent after all: its lease runs out, and it is tried again."""
RECORD_S = 0.1
"""What a clock reading may be off by that is taken from outside of the transaction."""

DISK_MIB = 512

Disturb = Callable[["Play"], Awaitable[None]]


@dataclass
class Play:
    """A scenario that runs."""

    system: System
    partners: Partners
    random: random.Random
    clock: Clock | None = None
    """What the wall clocks of the processes go by, where they can be moved."""
    accepted: dict[str, str] = field(default_factory=dict)
    """The store of each event that was accepted."""
    down: set[str] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    """How many deliveries were under lease at the moments of killing, in all."""
    repeated: int = 0
    """How many calls were made again."""

    async def kill(self, name: str) -> None:
        """Ends a process with kill -9, and starts it again after a moment."""
        before = self.count_in_flight()
        self.down.add(name)
        self.system.processes[name].kill()
        # Whichever is more: it may have claimed since, and others may have recorded since.
        self.in_flight += max(before, self.count_in_flight())
        self.done[f"{name.partition('-')[0]} killed"] += 1
        await asyncio.sleep(self.random.uniform(0, 1))
        self.down.discard(name)

    async def kill_database(self) -> None:
        """Ends PostgreSQL with kill -9, and starts it again after a moment."""
        self.in_flight += self.count_in_flight()
        await self.system.kill_database()
        self.done["PostgreSQL killed"] += 1
        try:
            await asyncio.sleep(self.random.uniform(0, 1.5))
        finally:
            await self.system.start_database()

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Runs a statement on a connection of its own, which may write also where others may not."""
        url = self.system.values["webhooks_database_url"]
        connection = psycopg2.connect(url, options="-c default_transaction_read_only=off")
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def count_in_flight(self) -> int:
        """How many deliveries are under lease."""
        with suppress(psycopg2.Error):
            ((count,),) = self.query("SELECT count(*) FROM due WHERE lease_token IS NOT NULL AND due_time > now()")
            return int(count)
        return 0


async def _kill_workers(play: Play) -> None:
    while True:
        await asyncio.sleep(play.random.uniform(0.3, 2))
        await play.kill(f"worker-{play.random.randint(1, 2)}")


async def _kill_service(play: Play) -> None:
    while True:
        await asyncio.sleep(play.random.uniform(1, 4))
        await play.kill("webhooks")


async def _kill_database(play: Play) -> None:
    while True:
        await asyncio.sleep(play.random.uniform(2, 5))
        await play.kill_database()


async def _read_only(play: Play) -> None:
    """The database takes nothing for a while, as when its disk is full or a standby has been promoted elsewhere."""
    while True:
        await asyncio.sleep(play.random.uniform(1, 3))
        try:
            _set_read_only(play, "on")
            play.done["database read-only"] += 1
            await asyncio.sleep(play.random.uniform(1, 3))
        finally:
            _set_read_only(play, "off")


def _set_read_only(play: Play, value: str) -> None:
    play.query(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    play.query("SELECT pg_reload_conf()")


async def _fill_disk(play: Play) -> None:
    """The database's disk is full for a while: PostgreSQL refuses writes, and crashes if its WAL finds no room."""
    while True:
        await asyncio.sleep(play.random.uniform(1, 3))
        play.in_flight += play.count_in_flight()
        with disk.filled(play.system.folder / system.DATABASE_FOLDER):
            play.done["disk full"] += 1
            await asyncio.sleep(play.random.uniform(1, 3))
            play.in_flight += play.count_in_flight()
        await play.system.start_database()


async def _move_clock(play: Play) -> None:
    """The wall clock of the workers and of the service jumps, by up to an hour either way, and back."""
    while play.clock:
        await asyncio.sleep(play.random.uniform(0.3, 2))
        play.clock.move(play.random.choice((0, play.random.randint(-3600, 3600))))
        play.done["clock moved"] += 1


async def _all(play: Play) -> None:
    await asyncio.gather(_kill_workers(play), _kill_service(play), _kill_database(play))


DISK_FULL, CLOCKS = "webhooks-disk-full", "webhooks-clocks"
CRASHES: dict[str, tuple[str, Disturb]] = {
    "webhooks-workers-killed": ("webhook workers killed under load, some receivers answering late", _kill_workers),
    "webhooks-read-only": ("the Webhooks database read-only for 1 to 3 s, again and again", _read_only),
    DISK_FULL: ("the disk of the databases full for 1 to 3 s, again and again (needs root)", _fill_disk),
    CLOCKS: ("the clocks of workers and service jumping by up to an hour (needs libfaketime)", _move_clock),
    "webhooks-killed": ("workers, the Webhooks service and PostgreSQL killed under load", _all),
}


async def run(options: Options, names: Sequence[str]) -> AsyncIterator[Result]:
    """Plays these scenarios on one system."""
    async with system.running(options.folder) as (made, _operator):
        for name in names:
            crash = _crash_on_small_disk(name, options) if name == DISK_FULL else _crash(made, name, options)
            yield await crash


FAMILY = Family({name: about for name, (about, _) in CRASHES.items()}, run)


async def _crash_on_small_disk(name: str, options: Options) -> Result:
    if not disk.can_mount():
        return Result(name, failures=["a disk of its own can be mounted by root only: run it as root"])
    folder = options.folder / "small"
    with disk.small_disk(folder / system.DATABASE_FOLDER, DISK_MIB):
        async with system.running(folder) as (made, _operator):
            return await _crash(made, name, options)


async def _crash(made: System, name: str, options: Options) -> Result:
    clock = None
    if name == CLOCKS:
        library = find_library()
        if library is None:
            return Result(name, failures=["libfaketime is not installed (on Debian: apt-get install faketime)"])
        clock = Clock(options.folder / "clock", library)
        made.environment = clock.environment
        made.processes["webhooks"].stop()
        made.add("webhooks", "services.webhooks", keys_address=made.keys_addresses[0])
        await made.until_ready()
    try:
        return await _disturb(made, name, options, clock)
    finally:
        made.environment = {}


async def _disturb(made: System, name: str, options: Options, clock: Clock | None) -> Result:
    with partners(made, late_ms=LATE_MS) as sinks:
        play = Play(made, sinks, random.Random(f"{options.seed} {name}"), clock=clock)
        stores: dict[str, list[str]] = {f"st_{name.replace('-', '')}{number}": [] for number in range(STORES)}
        for store in stores:
            stores[store] = [*sinks.add_endpoints(1, store), *sinks.add_endpoints(1, store, "late")]
        for number in (1, 2):
            sinks.start_worker(number)
        supervising = asyncio.create_task(_supervise(play))
        publishing = asyncio.create_task(_publish(play, list(stores)))
        disturbing = asyncio.ensure_future(CRASHES[name][1](play))
        try:
            ended, _ = await asyncio.wait([publishing, disturbing, supervising], timeout=options.seconds)
            for task in ended:
                task.result()  # none ends but by a mistake
        finally:
            for task in (disturbing, publishing):
                task.cancel()
            await asyncio.gather(disturbing, publishing, return_exceptions=True)
        play.down.clear()
        await made.start_database()
        is_drained = await _settle(play)
        supervising.cancel()
        await asyncio.gather(supervising, return_exceptions=True)
        return _judge(play, name, stores, is_drained)


async def _publish(play: Play, stores: Sequence[str]) -> None:
    """Publishes all the time; what is not answered is published again, as a relay does, under the same ids."""
    values = play.system.values
    async with service_channel(values["webhooks_address"], "catalog", values["service_secret"]) as channel:
        stub = webhooks_pb2_grpc.WebhooksServiceStub(channel)
        while True:
            store = play.random.choice(stores)
            request = webhooks_pb2.PublishEventsRequest(events=[_event(store) for _ in range(BATCH)])
            while True:
                try:
                    await stub.PublishEvents(request, timeout=CALL_S)
                    break
                except grpc.aio.AioRpcError:
                    play.repeated += 1
                    await asyncio.sleep(0.1)
            play.accepted |= {event.id: store for event in request.events}
            await asyncio.sleep(PUBLISH_EVERY_S)


def _event(store: str) -> webhooks_pb2.Event:
    moment = Timestamp()
    moment.GetCurrentTime()
    return webhooks_pb2.Event(
        id=new_id("evt"), store=f"stores/{store}", type="product.updated", occur_time=moment, sequence=1, data="{}"
    )


async def _supervise(play: Play) -> None:
    """Starts again what has ended, as a supervisor would: without a database a process does not stay."""
    while True:
        for name, process in play.system.processes.items():
            if name not in play.down and not process.is_alive:
                process.start()
        await asyncio.sleep(0.2)


async def _settle(play: Play) -> bool:
    """Waits until nothing is due any more; says whether it came to that."""
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        with suppress(psycopg2.Error):
            if not play.query("SELECT 1 FROM due LIMIT 1"):
                return True
        await asyncio.sleep(0.2)
    return False


def _judge(play: Play, name: str, stores: dict[str, list[str]], is_drained: bool) -> Result:
    result = Result(name)
    received: dict[tuple[str, str], list[float]] = {}
    for moment, endpoint, event, signed in play.partners.receipts():
        received.setdefault((event, endpoint), []).append(moment)
        if abs(moment - signed) > TOLERANCE_SECONDS:
            result.violations.append(f"{event} was signed {moment - signed:+.0f} s off: receivers refuse it")
    wanted = {(event, endpoint) for event, store in play.accepted.items() for endpoint in stores[store]}
    finished = {
        (event, endpoint): moment
        for event, endpoint, moment in play.query(
            "SELECT event_id, endpoint_id, extract(epoch FROM finish_time)::float8 FROM delivery"
            " WHERE state = 'succeeded'"
        )
    }
    result.violations += [f"{event} was accepted and never sent to {to}" for event, to in wanted - received.keys()]
    for key, moments in received.items():
        late = [moment for moment in moments if moment > finished.get(key, moment) + RECORD_S]
        result.violations += [f"{key[0]} was sent again after its success was on record"] * len(late)
    repeats = sum(len(moments) - 1 for moments in received.values())
    if repeats > play.in_flight:
        result.violations.append(f"{repeats} were sent again, but only {play.in_flight} were in flight")
    if not is_drained:
        result.failures.append(f"{SETTLE_S:.0f} s later something is still due")
    ((attempts, failed),) = play.query("SELECT count(*), count(*) FILTER (WHERE status_code <> 204) FROM attempt")
    result.checks = len(wanted)
    result.facts = [
        f"{len(play.accepted):,} events accepted, {len(wanted):,} deliveries to make, {len(received):,} received",
        f"{repeats:,} sent again under the same id; {play.in_flight:,} were in flight when something was killed",
        f"{attempts:,} attempts on record until now, {failed:,} of them failed; {play.repeated} calls made again",
        f"disturbed: {', '.join(f'{count} {what}' for what, count in play.done.items()) or 'nothing'}",
    ]
    return result
