"""What many want at the same time is done in one go, and nobody gets what was read before they asked."""

import asyncio
from collections.abc import Sequence

import pytest

from services.common.batching import Batched


class Rounds:
    """Work that waits until it is let go, and keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[list[int]] = []
        self.may_go = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self, wishes: list[int]) -> Sequence[int]:
        self.given.append(wishes)
        await self.may_go.wait()
        if self.failure:
            raise self.failure
        return [wish * 10 for wish in wishes]


async def _settle() -> None:
    """Lets everything run that can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_comes_while_a_round_is_under_way_is_served_in_the_next_all_at_once() -> None:
    work = Rounds()
    batched = Batched(work)
    first = asyncio.create_task(batched(1))
    await _settle()
    others = [asyncio.create_task(batched(number)) for number in (2, 3, 4)]
    await _settle()
    assert work.given == [[1]], "nobody joins a round that has begun"
    work.may_go.set()
    assert await first == 10
    assert await asyncio.gather(*others) == [20, 30, 40]
    assert work.given == [[1], [2, 3, 4]]


async def test_a_failure_is_told_to_all_of_its_round_and_to_no_other() -> None:
    work = Rounds()
    batched = Batched(work)
    failing = asyncio.create_task(batched(1))
    await _settle()
    work.failure = ValueError("no")
    work.may_go.set()
    with pytest.raises(ValueError, match="no"):
        await failing
    work.failure = None
    assert await batched(2) == 20


async def test_whoever_goes_away_holds_nobody_up() -> None:
    work = Rounds()
    batched = Batched(work)
    gone, stays = asyncio.create_task(batched(1)), asyncio.create_task(batched(2))
    await _settle()
    gone.cancel()
    work.may_go.set()
    assert await stays == 20
