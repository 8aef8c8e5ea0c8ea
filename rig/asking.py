"""Asks about everything on the board, again and again: what is accepted as fast as may be, what is not now and then."""

import asyncio
import os
import random
import signal
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from rig.board import SCOPES, Board, Column, Outcome, Slot

PATIENCE_S = 2.0
"""How often to look whether whoever started this process is still there."""

Ask = Callable[[Slot], Awaitable[Outcome]]
"""Asks once whether a slot's token is accepted. Never raises but for a mistake in the rig."""


@dataclass(frozen=True)
class Pace:
    """How hard to ask."""

    burst: int
    """Checks in a row before others get their turn on the event loop."""
    pause: float
    """Seconds between bursts: several processes share the machine."""
    refused_every: float = 0.03
    """Seconds between two checks of what is refused, which cost a look-up each."""
    notice_every: float = 0.002
    """Seconds between two looks for what is new on the board."""
    askers: int = 2
    """How many ask at the same time, so that one who waits for an answer does not keep the rest from being asked."""


class Seat:
    """One who asks, and notes what is answered in one column.

    What is accepted is asked about in bursts. What was refused is asked about still, in turn: it might come to life
    again. What could not be told is tried again soon. A slot that has none of `scopes` is left to others.
    """

    def __init__(self, board: Board, column: Column, ask: Ask, pace: Pace, scopes: Sequence[str] = SCOPES) -> None:
        self._board = board
        self._scopes = scopes
        self._column = column
        self._ask = ask
        self._pace = pace
        self._accepted: dict[int, Slot] = {}
        self._refused: deque[Slot] = deque()
        self._untold: deque[Slot] = deque()
        self._seen = board.done
        self._first: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Asks until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._take())
            for _ in range(self._pace.askers):
                tasks.create_task(self._hammer())
            tasks.create_task(self._revisit(self._refused, self._pace.refused_every))
            tasks.create_task(self._revisit(self._untold, 0.01))

    async def _take(self) -> None:
        """Asks about what is new on the board, about all of it at once: that is how races begin."""
        while True:
            for slot in self._board.slots(self._seen):
                self._seen = slot.number + 1
                if slot.scopes.isdisjoint(self._scopes):
                    continue
                task = asyncio.create_task(self._check(slot))
                self._first.add(task)
                task.add_done_callback(self._first.discard)
            await asyncio.sleep(self._pace.notice_every)

    async def _hammer(self) -> None:
        while True:
            slots = list(self._accepted.values())
            random.shuffle(slots)
            asked = 0
            while slots and asked < self._pace.burst:
                for slot in slots:
                    if slot.number in self._accepted:
                        await self._check(slot)
                    asked += 1
                    if asked >= self._pace.burst:
                        break
            await asyncio.sleep(self._pace.pause)

    async def _revisit(self, queue: deque[Slot], every: float) -> None:
        while True:
            if queue:
                await self._check(queue.popleft())
            await asyncio.sleep(every)

    async def _check(self, slot: Slot) -> None:
        """Asks once and notes the answer; the slot goes where it belongs by it."""
        if slot.number < self._board.done:
            self._accepted.pop(slot.number, None)
            return
        began = time.monotonic()
        outcome = await self._ask(slot)
        self._column.note(slot.number, began, outcome)
        if outcome is Outcome.ACCEPTED:
            self._accepted[slot.number] = slot
            return
        self._accepted.pop(slot.number, None)
        queue = self._refused if outcome in {Outcome.UNAUTHENTICATED, Outcome.SCOPE_MISSING} else self._untold
        if slot not in queue:  # another asker may have just found out the same
            queue.append(slot)


async def until_told() -> None:
    """Returns on SIGTERM, or when the process that started this one has gone. SIGUSR1 makes the loop stall."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Not through the loop: the point is that the loop stands still, in the middle of whatever it is doing.
    signal.signal(signal.SIGUSR1, lambda *_: time.sleep(random.uniform(0.2, 2.0)))
    parent = os.getppid()
    while not stop.is_set() and os.getppid() == parent:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await stop.wait()
