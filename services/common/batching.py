"""Many who want the same kind of thing at the same time are served in one go."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Wish = TypeVar("Wish")
Answer = TypeVar("Answer")


class Batched(Generic[Wish, Answer]):
    """Does at once what was wished for while the round before was under way.

    `work` answers wishes in their order. A round begins after the wishes that it holds came in, so what it reads is at
    least as young as they are. Whoever comes alone waits for nobody.
    """

    def __init__(self, work: Callable[[list[Wish]], Awaitable[Sequence[Answer]]]) -> None:
        self._work = work
        self._waiting: list[tuple[Wish, asyncio.Future[Answer]]] = []
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, wish: Wish) -> Answer:
        """Does it in the next round; raises what that round has raised."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((wish, answer))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                round_, self._waiting = self._waiting, []
                await self._serve(round_)
        finally:
            self._running = None

    async def _serve(self, round_: list[tuple[Wish, "asyncio.Future[Answer]"]]) -> None:
        try:
            answers = await self._work([wish for wish, _ in round_])
        except Exception as failure:  # it is theirs who wished
            for _, future in round_:
                if not future.done():
                    future.set_exception(failure)
            return
        for (_, future), answer in zip(round_, answers, strict=True):
            if not future.done():  # whoever has gone meanwhile wants none
                future.set_result(answer)
