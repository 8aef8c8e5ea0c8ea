"""Where watchers wait for news, and where those who revoke wait for the watchers."""

import asyncio
import logging
import time
from dataclasses import dataclass

from services.common.database import Database
from services.common.errors import Unavailable
from services.common.ids import new_id
from services.common.waiting import wait_within
from services.keys import leases
from services.keys.leases import LEASE_S, News

log = logging.getLogger(__name__)

SHORTEST_LOOK_S = 0.002
LONGEST_LOOK_S = 0.05
"""How often to look for acknowledgements that came in at another Keys process; those that came here wake at once."""
PATIENCE_S = LEASE_S + 3.0
"""Longer than any lease: whoever has not acknowledged by then has none."""
PRUNE_S = 60.0


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

    def announce(self) -> None:
        """Tells those who wait for news that there may be some. On the event loop only."""
        self._changed.fire()

    async def confirm(self) -> Confirmation:
        """Returns when nobody accepts any more what the changes that have been committed by now have ended.

        Raises:
            Unavailable: the database went away: the change stands, but nobody can tell whether it has arrived.
        """
        epoch = await self._database.read(leases.current_epoch)
        self.announce()
        news = self._acknowledged.current
        first = standing = await self._database.write(leases.standing, epoch)
        deadline, look = time.monotonic() + PATIENCE_S, SHORTEST_LOOK_S
        while standing.waiting:
            if time.monotonic() > deadline:
                raise Unavailable("The change stands, but not everybody has confirmed it. Ask again.", retry_after=1)
            await wait_within(look, news)
            look, news = min(LONGEST_LOOK_S, look * 1.5), self._acknowledged.current
            standing = await self._database.write(leases.standing, epoch)
        known = first.waiting | first.acknowledged
        acknowledged = len(standing.acknowledged & known)
        return Confirmation(epoch, acknowledged, len(known) - acknowledged)

    async def renew(self, watcher: str, service: str, acknowledged: int, wait: float) -> Renewal:
        """Extends a lease and answers with the news, held back for `wait` seconds if there is none.

        Raises:
            Unavailable: the database cannot be reached: then no lease is extended.
        """
        if not watcher or not await self._database.read(leases.renew, watcher, acknowledged):
            started = new_id("wtc")
            return Renewal(started, News(await self._database.write(leases.begin, started, service), ()))
        self._acknowledged.fire()
        deadline = time.monotonic() + wait
        while True:
            changed = self._changed.current
            news = await self._database.read(leases.news_since, acknowledged)
            left = deadline - time.monotonic()
            if news.key_ids or left <= 0:
                return Renewal(watcher, news)
            await wait_within(left, changed)

    async def leave(self, watcher: str) -> None:
        """Ends a lease at the watcher's wish."""
        await self._database.read(leases.leave, watcher)
        self._acknowledged.fire()

    async def run(self) -> None:
        """Prunes now and then, until cancelled."""
        while True:
            await asyncio.sleep(PRUNE_S)
            try:
                await self._database.write(leases.prune)
            except Exception:
                log.exception("leases could not be pruned")
