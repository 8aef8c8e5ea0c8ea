"""Calls that are shared: each caller's answer was found after it asked, and nobody's leaving is another's loss."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.descriptor import FileDescriptor

from gateway.transcoding import Options, Transcoder
from gateway.transcoding.sharing import SharedCalls

from .conftest import Library, forwarded_language

FAR = 10.0


class Service:
    """Answers each call with its number, when it is let."""

    def __init__(self) -> None:
        self.calls: list[asyncio.Event] = []
        self.cancelled: list[int] = []
        self.begun = asyncio.Condition()
        self.failing: set[int] = set()

    async def call(self, _seconds: float) -> int:
        """One call."""
        number, go = len(self.calls), asyncio.Event()
        self.calls.append(go)
        async with self.begun:
            self.begun.notify_all()
        try:
            await go.wait()
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        if number in self.failing:
            raise ValueError(number)
        return number

    async def until(self, count: int) -> None:
        """Waits until so many calls have begun."""
        async with asyncio.timeout(FAR), self.begun:
            await self.begun.wait_for(lambda: len(self.calls) >= count)


@pytest.fixture
async def service() -> Service:
    return Service()


@pytest.fixture
async def shared() -> SharedCalls:
    return SharedCalls()


def ask(shared: SharedCalls, service: Service, what: str = "a", within: float = FAR) -> "asyncio.Task[int]":
    return asyncio.create_task(shared.ask(what, service.call, time.monotonic() + within))


async def settle() -> None:
    """Lets tasks that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_asks_meanwhile_gets_the_answer_of_a_call_that_began_afterwards(
    shared: SharedCalls, service: Service
) -> None:
    first = ask(shared, service)
    await service.until(1)
    others = [ask(shared, service) for _ in range(20)]
    await settle()
    assert len(service.calls) == 1, "the one under way may have read what is old by now"
    service.calls[0].set()
    assert await first == 0
    await service.until(2)
    latest = ask(shared, service)
    service.calls[1].set()
    assert await asyncio.gather(*others) == [1] * 20
    await service.until(3)
    service.calls[2].set()
    assert await latest == 2
    assert not shared._under_way


async def test_what_is_asked_apart_is_called_apart(shared: SharedCalls, service: Service) -> None:
    one, other = ask(shared, service, "a"), ask(shared, service, "b")
    await service.until(2)
    for each in service.calls:
        each.set()
    assert {await one, await other} == {0, 1}


async def test_a_failure_is_told_to_those_who_share_it_and_the_next_call_is_made(
    shared: SharedCalls, service: Service
) -> None:
    service.failing = {0, 1}
    first = ask(shared, service)
    await service.until(1)
    second, third = ask(shared, service), ask(shared, service)
    await settle()
    service.calls[0].set()
    await service.until(2)
    late = ask(shared, service)
    await settle()
    service.calls[1].set()
    for each in (first, second, third):
        with pytest.raises(ValueError, match=r"[01]"):
            await each
    await service.until(3)
    service.calls[2].set()
    assert await late == 2


async def test_who_leaves_costs_the_others_nothing_and_the_last_one_ends_the_call(
    shared: SharedCalls, service: Service
) -> None:
    first = ask(shared, service)
    await service.until(1)
    second, third = ask(shared, service), ask(shared, service)
    await settle()
    first.cancel()
    await service.until(2)
    assert service.cancelled == [0]
    second.cancel()
    await settle()
    assert service.cancelled == [0], "somebody still waits"
    service.calls[1].set()
    assert await third == 1
    last = ask(shared, service)
    await service.until(3)
    abandoned = ask(shared, service)
    await settle()
    abandoned.cancel()
    last.cancel()
    await settle()
    assert (len(service.calls), service.cancelled) == (3, [0, 2])
    assert not shared._under_way


async def test_a_deadline_is_ones_own(shared: SharedCalls, service: Service) -> None:
    patient = ask(shared, service)
    await service.until(1)
    hasty = ask(shared, service, within=0.02)
    with pytest.raises(TimeoutError):
        await hasty
    service.calls[0].set()
    assert await patient == 0


@pytest.mark.parametrize(("languages", "calls"), [(("en", "en", "en"), 2), (("en", "tw", "ga"), 3)])
async def test_only_requests_of_one_caller_share_calls(
    bookstore: FileDescriptor,
    library: Library,
    new_message: Callable[..., Any],
    languages: tuple[str, ...],
    calls: int,
) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def books(_request: Any, _context: Any) -> Any:
        begun.set()
        await go.wait()
        return new_message("ListBooksResponse", etag='"1"')

    library.answers["ListBooks"] = books
    async with grpc.aio.insecure_channel(f"127.0.0.1:{library.port}") as channel:
        services = [(bookstore.services_by_name["LibraryService"], channel)]
        served = Transcoder(services, metadata=forwarded_language, options=Options(unshared_metadata=frozenset()))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url="http://rest") as client:
            asking = [
                asyncio.create_task(client.get("/v1/shelves/a/books", headers={"Accept-Language": each}))
                for each in languages
            ]
            await begun.wait()
            await settle()
            go.set()
            answers = await asyncio.gather(*asking)
    assert [each.status_code for each in answers] == [200] * 3
    assert len(library.requests) == calls
