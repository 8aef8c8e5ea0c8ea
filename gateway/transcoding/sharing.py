"""One call for all who ask the same while another is under way.

Who asks while a call is under way is not given its answer, which may have been found before they asked; they wait, and
share the next call, which is sent when the one before has ended. So each gets an answer that was found after it asked,
as if it had called by itself: a revocation or a write that was confirmed before is in it. However many ask at a time,
there is one call under way for them, and at most one that waits.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

Start = Callable[[float], Awaitable[Any]]
"""Calls the service; the call may take so many seconds."""


class SharedCalls:
    """The calls under way, by what tells them from every other one: what is asked, and as whom."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, _Call] = {}

    async def ask(self, what: Hashable, start: Start, deadline: float) -> Any:
        """Return the answer of a call that begins after this, whoever starts it.

        `deadline` is by time.monotonic. Raises what the call raises, and TimeoutError when the deadline has passed.
        Cancelled, it leaves the others their call, and ends it if there are none.
        """
        current = self._under_way.get(what)
        if current is None:
            call = self._under_way[what] = _Call()
            call.join(start, deadline)
            self._send(what, call)
        else:
            call = current.next = current.next or _Call()
            call.join(start, deadline)
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                return await asyncio.shield(call.answer)
        finally:
            call.leave()

    def _send(self, what: Hashable, call: "_Call") -> None:
        call.send().add_done_callback(lambda _task: self._go_on(what, call))

    def _go_on(self, what: Hashable, ended: "_Call") -> None:
        """Sends the call that waited for one to end, if anybody still waits for it."""
        following = ended.next
        if following is None or not following.waiting:
            del self._under_way[what]
            return
        self._under_way[what] = following
        self._send(what, following)


class _Call:
    """A call, and how many wait for it."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.waiting = 0
        self.next: _Call | None = None
        self._start: Start | None = None
        self._deadline = 0.0
        self._task: asyncio.Task[None] | None = None

    def join(self, start: Start, deadline: float) -> None:
        """Waits for it too, at most until the deadline."""
        self.waiting += 1
        self._start = self._start or start
        self._deadline = max(self._deadline, deadline)

    def leave(self) -> None:
        """Waits no longer; the last one to leave ends it."""
        self.waiting -= 1
        if not self.waiting and self._task is not None:
            self._task.cancel()

    def send(self) -> "asyncio.Task[None]":
        """Begins it."""
        self._task = asyncio.create_task(self._run())
        return self._task

    async def _run(self) -> None:
        if self._start is None:
            raise RuntimeError("nobody has joined this call")
        try:
            answer = await self._start(self._deadline - time.monotonic())
        except asyncio.CancelledError:
            self.answer.cancel()
            raise
        except Exception as error:
            self.answer.set_exception(error)
            self.answer.exception()  # told to those who wait; where nobody does any more, it is no fault
        else:
            self.answer.set_result(answer)
