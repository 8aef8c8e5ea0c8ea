"""Where watchers wait for news, and where those who revoke wait for the watchers."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import Counter, Gauge, Histogram

from services.common.batching import Batched
from services.common.database import Database
from services.common.ids import new_id
from services.common.times import boot_time
from services.common.waiting import wait_within
from services.keys import leases
from services.keys.leases import LEASE_S, News, Watcher

log = logging.getLogger(__name__)

BARRIER_SECONDS = Histogram(
    "sedifex_revocation_barrier_seconds",
    "How long a revocation waited until nobody accepted the key any more.",
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 6),
)
_CONFIRMED = Counter(
    "sedifex_revocation_watchers",
    "Processes that a revocation waited for: acknowledged it, or lapsed (their lease had to run out first).",
    ["outcome"],
)
ACKNOWLEDGED, LAPSED = _CONFIRMED.labels("acknowledged"), _CONFIRMED.labels("lapsed")
WATCHERS = Gauge("sedifex_watchers", "Processes that hold a lease on verdicts.")

SHORTEST_LOOK_S = 0.002
LONGEST_LOOK_S = 0.05
"""How often to look for acknowledgements that came in at another Keys process; those that came here wake at once."""
SWEEP_S = 2.0
"""How often to look for watchers that have gone, and to prune."""


@dataclass(frozen=True)
class Confirmation:
    """A change that has reached everybody."""

    epoch: int
    acknowledged: int
    lapsed: int
    """Watchers whose lease ran out instead."""


@dataclass(frozen=True)
class Renewal:
    """A lease that was extended, or begun anew."""

    watcher: str
    news: News


class Signal:
    """Wakes all who wait. Whoever waits takes `current` before looking for what it waits for, so nothing is missed."""

    def __init__(self) -> None:
        self.current = asyncio.Event()

    def fire(self) -> None:
        """Wakes those who have taken `current` until now."""
        self.current.set()
        self.current = asyncio.Event()


class Barrier:
    """The meeting point of one Keys process; they meet each other in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changed = Signal()
        self._acknowledged = Signal()
        self._seen: dict[str, tuple[int, float]] = {}
        """How often each watcher had renewed, and since when that is so."""
        # All watchers hear of a change, and acknowledge it, at the same time.
        self._renew = Batched(self._renew_all)
        self._news = Batched(self._news_for_all)

    def announce(self) -> None:
        """Tells those who wait for news that there may be some. On the event loop only."""
        self._changed.fire()

    async def confirm(self) -> Confirmation:
        """Returns when nobody accepts any more what the changes that have been committed by now have ended.

        Raises:
            Unavailable: the database went away: the change stands, but nobody can tell whether it has arrived.
        """
        began = boot_time()
        epoch = await self._database.read(leases.current_epoch)
        ends = boot_time() + LEASE_S  # by then every lease from before the commit has run out
        self.announce()
        news = self._acknowledged.current
        watchers = await self._database.read(leases.list_watchers)
        known = {each.id for each in watchers}
        look = SHORTEST_LOOK_S
        while (waiting := _behind(watchers, epoch, known)) and (left := ends - boot_time()) > 0:
            await wait_within(min(look, left), news)
            look, news = min(LONGEST_LOOK_S, look * 1.5), self._acknowledged.current
            watchers = await self._database.read(leases.list_watchers)
        if waiting:
            await self._database.write(leases.end, waiting)
        acknowledged = sum(1 for each in watchers if each.id in known and each.acknowledged_epoch >= epoch)
        confirmation = Confirmation(epoch, acknowledged, len(known) - acknowledged)
        BARRIER_SECONDS.observe(boot_time() - began)
        ACKNOWLEDGED.inc(confirmation.acknowledged)
        LAPSED.inc(confirmation.lapsed)
        return confirmation

    async def renew(self, watcher: str, service: str, acknowledged: int, wait: float) -> Renewal:
        """Extends a lease and answers with the news, held back for `wait` seconds if there is none.

        Raises:
            Unavailable: the database cannot be reached: then no lease is extended.
        """
        if not watcher or not await self._renew((watcher, acknowledged)):
            started = new_id("wtc")
            return Renewal(started, News(await self._database.write(leases.begin, started, service)))
        deadline = boot_time() + wait
        while True:
            changed = self._changed.current
            # Never what somebody has read before: a lease must not be extended without the news of before it.
            news = await self._news(acknowledged)
            left = deadline - boot_time()
            if news.epoch > acknowledged or left <= 0:
                return Renewal(watcher, news)
            await wait_within(left, changed)

    async def _renew_all(self, wishes: list[tuple[str, int]]) -> list[bool]:
        known = await self._database.read(leases.renew, dict(wishes))
        self._acknowledged.fire()
        return [watcher in known for watcher, _ in wishes]

    async def _news_for_all(self, epochs: list[int]) -> list[News]:
        news = {epoch: await self._database.read(leases.news_since, epoch) for epoch in set(epochs)}
        return [news[epoch] for epoch in epochs]

    async def leave(self, watcher: str) -> None:
        """Ends a lease at the watcher's wish."""
        await self._database.read(leases.leave, watcher)
        self._acknowledged.fire()

    async def run(self) -> None:
        """Sweeps now and then, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                await self.sweep(boot_time())
            except Exception:
                log.exception("leases could not be swept")

    async def sweep(self, now: float) -> None:
        """Takes those watchers for gone that have not renewed for a lease, so that no revocation waits for them.

        `now` is in seconds by a clock that is never set. A lease is counted from when this process first saw it.
        """
        watchers = await self._database.read(leases.list_watchers)
        WATCHERS.set(len(watchers))
        seen = {each.id: self._seen.get(each.id, (-1, now)) for each in watchers}
        self._seen = {
            each.id: seen[each.id] if seen[each.id][0] == each.renewals else (each.renewals, now) for each in watchers
        }
        if gone := {name: renewals for name, (renewals, since) in self._seen.items() if now - since > LEASE_S}:
            await self._database.write(leases.end, gone)
        await self._database.read(leases.prune)


def _behind(watchers: Iterable[Watcher], epoch: int, known: set[str]) -> dict[str, int]:
    """The renewals of those who have yet to acknowledge the epoch; who came later began with it."""
    return {each.id: each.renewals for each in watchers if each.id in known and each.acknowledged_epoch < epoch}
