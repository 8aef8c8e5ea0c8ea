"""Carries events from the outbox to the Webhooks service, in order, until they are acknowledged.

One relay is at work at a time, whichever replica holds the lease, so that the events of a product arrive in the order
of its changes. A relay that dies, or loses the lease while it sends, can only make an event arrive twice, and the
Webhooks service takes each id once.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import accumulate, takewhile

import grpc
from prometheus_client import Counter
from sedifex.webhooks.v1 import webhooks_pb2, webhooks_pb2_grpc

from services.common import tracing
from services.common.database import Database
from services.common.errors import SedifexError
from services.common.ids import new_id
from services.common.notifications import Listener
from services.common.outbox import Outbox, OutboxEvent
from services.common.times import to_timestamp
from services.common.waiting import running, wait_within

log = logging.getLogger(__name__)

RELAYED = Counter("sedifex_relay_events", "Events that the Webhooks service has acknowledged.")
FAILURES = Counter("sedifex_relay_failures", "Times that events could not be relayed, and wait.")

BATCH_EVENTS = 500
BATCH_BYTES = 4 * 1024 * 1024
"""Half of what a gRPC message may hold."""
LEASE_S = 3.0
"""How long the others wait when the relay at work has died. It may be shorter than a batch takes: every batch begins
with the oldest event there is, so a second relay can only repeat what the first one sends."""
PUBLISH_DEADLINE_S = 5.0
POLL_S = 1.0
"""How often to look without having been told: for a lease that has run out, or a notification that was lost."""
MIN_BACKOFF_S = 0.1
MAX_BACKOFF_S = 5.0


@asynccontextmanager
async def relaying(database: Database, url: str, outbox: Outbox, webhooks: grpc.aio.Channel) -> AsyncIterator[None]:
    """Relays what the outbox holds while the context lasts; `url` is its database's, to hear of what is added."""
    relay = Relay(database, outbox, webhooks_pb2_grpc.WebhooksServiceStub(webhooks), new_id("relay"))
    loop = asyncio.get_running_loop()
    listener = Listener(url, outbox.channel, lambda: loop.call_soon_threadsafe(relay.wake))
    listener.start()
    try:
        async with running(relay.run()):
            yield
    finally:
        await asyncio.to_thread(listener.stop)
        await relay.close()


class Relay:
    """The relay of one process; `holder` tells it from the others."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        webhooks: "webhooks_pb2_grpc.WebhooksServiceAsyncStub",
        holder: str,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._webhooks = webhooks
        self._holder = holder
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Tells the relay that the outbox may hold something. On the relay's event loop only."""
        self._wake.set()

    async def run(self) -> None:
        """Relays until cancelled."""
        failures = 0
        while True:
            await wait_within(POLL_S, self._wake)
            self._wake.clear()
            if await self._drain():
                failures = 0
                continue
            failures += 1
            longest = min(MAX_BACKOFF_S, MIN_BACKOFF_S * 2 ** min(failures, 10))
            await asyncio.sleep(random.uniform(0.5, 1) * longest)  # noqa: S311 - jitter
            self._wake.set()

    async def _drain(self) -> bool:
        """Relays until the outbox is empty; False if something went wrong. Whatever it is, the relay goes on."""
        try:
            while await self.relay_batch():
                pass
        except SedifexError as failure:
            log.warning("events wait", extra={"cause": failure.reason})
        except grpc.aio.AioRpcError as failure:
            log.warning("events wait", extra={"cause": failure.code().name})
        except Exception:
            log.exception("events wait")
        else:
            return True
        FAILURES.inc()
        return False

    async def close(self) -> None:
        """Gives up the lease, for another relay to go on at once."""
        try:
            await self._database.read(self._outbox.give_up_lease, self._holder)
        except SedifexError as failure:
            log.warning("the relay's lease stays until it runs out", extra={"cause": failure.reason})

    async def relay_batch(self) -> int:
        """Sends the oldest events on, if this is the relay at work; says how many.

        Raises:
            AioRpcError: the Webhooks service did not acknowledge them; they stay in the outbox.
            Unavailable: the database could not be reached.
        """
        if not await self._database.read(self._outbox.take_lease, self._holder, LEASE_S):
            return 0
        batch = _fitting(await self._database.read(self._outbox.list, BATCH_EVENTS))
        if not batch:
            return 0
        request = webhooks_pb2.PublishEventsRequest(events=map(_message, batch))
        await self._webhooks.PublishEvents(request, timeout=PUBLISH_DEADLINE_S)
        await self._database.read(self._outbox.delete, [event.event_id for event in batch])
        RELAYED.inc(len(batch))
        if tracing.is_on():
            _trace(batch)
        return len(batch)


def _fitting(events: list[OutboxEvent]) -> list[OutboxEvent]:
    """As many of the first events as fit in a message, at least one."""
    sizes = accumulate(len(event.data.encode()) for event in events)
    return events[: max(1, sum(1 for _ in takewhile(lambda size: size <= BATCH_BYTES, sizes)))]


def _message(event: OutboxEvent) -> webhooks_pb2.Event:
    return webhooks_pb2.Event(
        id=event.event_id,
        store=f"stores/{event.store_id}",
        type=event.type,
        occur_time=to_timestamp(event.occur_time),
        sequence=event.sequence,
        data=event.data,
        traceparent=event.traceparent,
    )


def _trace(batch: list[OutboxEvent]) -> None:
    """Shows in each event's trace for how long it was in the outbox."""
    moment = time.time()
    for event in batch:
        if event.traceparent:
            tracing.note(
                "relay",
                "PRODUCER",
                event.traceparent,
                begin=event.occur_time.timestamp(),
                end=moment,
                attributes={"sedifex.event": event.event_id, "sedifex.event_type": event.type},
            )
