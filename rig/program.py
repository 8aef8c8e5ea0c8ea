"""Runs a program of the rig from its beginning to its end, whatever ends it."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

from cli.up.state import Refusal

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs `work`. Ctrl-C, SIGTERM and a closed terminal cancel it, so that it stops all that it has started.

    Raises:
        SystemExit: it was cancelled, or the system did not start; standard error says which.
    """

    async def stoppable() -> T:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel if task else loop.stop)
        return await work

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        raise SystemExit("Stopped before the end.") from None
    except Refusal as problem:
        raise SystemExit(str(problem)) from None
