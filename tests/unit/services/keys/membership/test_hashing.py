"""Hashes of passwords: the right parameters, as much work for nobody, and a bound on who waits."""

import asyncio
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from services.common.errors import Unavailable
from services.keys.membership.hashing import MAX_WAITING, THREADS, Hashing

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def quick() -> Iterator[Hashing]:
    with Hashing(QUICK) as hashing:
        yield hashing


async def test_a_hash_is_argon2id_as_owasp_recommends() -> None:
    with Hashing() as hashing:
        kept = await hashing.hash("kenkey and shito")
        assert await hashing.verify(kept, "kenkey and shito")
        assert not hashing.is_outdated(kept)
    made = extract_parameters(kept)
    assert (made.type, made.memory_cost, made.time_cost, made.parallelism) == (Type.ID, 19456, 2, 1)


async def test_the_right_password_only(quick: Hashing) -> None:
    kept = await quick.hash("cafe\u0301 au lait")
    assert await quick.verify(kept, "caf\u00e9 au lait"), "typed on another keyboard"
    assert not await quick.verify(kept, "cafe au lait")
    assert not await quick.verify("nonsense", "cafe au lait")


async def test_nobody_has_no_password_not_even_the_one_that_their_hash_is_of(quick: Hashing) -> None:
    assert not await quick.verify(None, "nobody's")


async def test_a_hash_with_other_parameters_is_outdated(quick: Hashing) -> None:
    assert quick.is_outdated(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash("x"))


async def test_too_many_at_once_are_refused_and_the_rest_is_served(quick: Hashing) -> None:
    wanted = THREADS + MAX_WAITING + 5
    done = await asyncio.gather(*(quick.hash("x") for _ in range(wanted)), return_exceptions=True)
    refused = [each for each in done if isinstance(each, Unavailable)]
    assert len(refused) == 5
    assert len([each for each in done if isinstance(each, str)]) == wanted - 5
    assert await quick.hash("x"), "and it goes on"
