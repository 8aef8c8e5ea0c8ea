"""A process of watchers: each keeps verdicts under a lease as a service does, and is asked without end.

`python -m rig.watchers --board FILE --seats 4,5 --keys HOST:PORT`; the service secret is in the environment.
"""

import argparse
import asyncio
import os
import random
from contextlib import AsyncExitStack
from pathlib import Path

from rig.asking import Ask, Pace, Seat, until_told
from rig.board import Board, Outcome, Slot
from rig.system import UNLIMITED
from services.common import errors
from services.common.access.caller import Caller
from services.common.access.leased import leased_verdicts
from services.common.access.origin import NOWHERE, Origin
from services.common.access.verdicts import RemoteSource, Verdicts
from services.common.clients import service_channel
from services.common.settings import PREFIX

SECRET_VARIABLE = PREFIX + "SERVICE_SECRET"


class Unleased:
    """A broken watcher: it never forgets whom it has accepted. With it one sees that the harness would notice."""

    def __init__(self, verdicts: Verdicts) -> None:
        self._verdicts = verdicts
        self._kept: dict[str, Caller] = {}

    async def caller(self, token: str, _origin: Origin = NOWHERE) -> Caller:
        """See `verdicts.Verdicts`, which this does not keep to."""
        if token not in self._kept:
            self._kept[token] = await verdict_on(token, self._verdicts)
        return self._kept[token]


async def verdict_on(token: str, verdicts: Verdicts) -> Caller:
    """Asks for a verdict, as the access interceptor does for each call; see `verdicts.Verdicts`."""
    return await verdicts.caller(token, NOWHERE)


def asking(verdicts: Verdicts) -> Ask:
    """Asks these verdicts."""

    async def ask(slot: Slot) -> Outcome:
        try:
            caller = await verdict_on(slot.token, verdicts)
        except errors.Unauthenticated:
            return Outcome.UNAUTHENTICATED
        except errors.Unavailable:
            return Outcome.UNAVAILABLE
        except errors.Exhausted:
            return Outcome.EXHAUSTED
        except errors.SedifexError:
            return Outcome.OTHER
        return Outcome.ACCEPTED if slot.scopes & caller.scopes else Outcome.SCOPE_MISSING

    return ask


async def _run(options: argparse.Namespace) -> None:
    random.seed(options.seed)
    board = Board(options.board)
    seats = [int(each) for each in options.seats.split(",")]
    pace = Pace(options.burst, options.pause, options.refused_every, options.notice_every)
    async with AsyncExitStack() as stack:
        running = []
        for seat in seats:
            channel = service_channel(options.keys, "catalog", os.environ[SECRET_VARIABLE])
            keys = RemoteSource.behind(await stack.enter_async_context(channel))
            verdicts: Verdicts = await stack.enter_async_context(leased_verdicts(keys, UNLIMITED))
            asked = asking(Unleased(verdicts) if options.unleased else verdicts)
            running.append(asyncio.create_task(Seat(board, board.columns[seat], asked, pace).run()))
        stop = asyncio.create_task(until_told())
        await asyncio.wait([stop, *running], return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            task.cancel()
        results = await asyncio.gather(*running, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


def main() -> None:
    """Runs until SIGTERM."""
    parser = argparse.ArgumentParser(prog="rig.watchers")
    parser.add_argument("--board", type=Path, required=True)
    parser.add_argument("--seats", required=True)
    parser.add_argument("--keys", required=True)
    parser.add_argument("--burst", type=int, default=200)
    parser.add_argument("--pause", type=float, default=0.012)
    parser.add_argument("--refused-every", type=float, default=0.03)
    parser.add_argument("--notice-every", type=float, default=0.002)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--unleased", action="store_true")
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
