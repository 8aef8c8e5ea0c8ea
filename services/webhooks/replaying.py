"""Lets replays go on: every Webhooks process takes what is waiting, so one that dies is replaced by the others."""

import asyncio
import logging

from services.common.database import Database
from services.common.errors import SedifexError
from services.common.ids import new_id
from services.common.times import now
from services.common.waiting import wait_within
from services.webhooks import replays
from services.webhooks.replays import Step

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often to look for replays without having been told of one: another process may have died over it."""


class Replaying:
    """The replays of this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Tells that a replay has been begun."""
        self._woken.set()

    async def run(self) -> None:
        """Goes on with whatever waits, until cancelled."""
        while True:
            self._woken.clear()
            pause_s = LOOK_S
            try:
                while (
                    step := await self._database.write(replays.go_on, lambda: new_id("dlv"), now())
                ) is not Step.IDLE:
                    if step is Step.POSTPONED:
                        pause_s = replays.PAUSE_S
            except SedifexError as failure:
                log.warning("replays wait", extra={"cause": failure.reason})
            except Exception:
                log.exception("a replay could not go on")
            await wait_within(pause_s, self._woken)
