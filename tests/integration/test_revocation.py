"""Revocation: when the call has returned nobody accepts the key, whatever state those are in who knew it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from services.common.access.leased import LeasedVerdicts, leased_verdicts
from services.common.access.origin import Origin
from services.common.access.refusals import Refusals
from services.common.access.verdicts import RemoteSource
from services.common.clients import service_channel
from services.common.errors import Unauthenticated, Unavailable
from services.keys.__main__ import serving as keys_serving
from services.keys.leases import LEASE_S
from tests.partner import WAIT_S
from tests.system import Client, System

Code = grpc.StatusCode
HERE = Origin("127.0.0.1")
MANY = Refusals(1_000_000)


async def test_after_the_return_no_call_is_accepted_though_many_are_under_way(system: System) -> None:
    store = await system.new_store()
    accepted_after = checks = 0
    for _ in range(5):
        key, client = await system.new_key(store)
        returned = asyncio.Event()
        stopping = asyncio.Event()

        async def hammer(number: int, client: Client = client, returned: asyncio.Event = returned) -> tuple[int, int]:
            late = count = 0
            while not stopping.is_set():  # noqa: B023 - the loop waits for it below
                began_after = returned.is_set()
                accepted = await _accepts(client, store, number)
                late += began_after and accepted
                count += 1
            return late, count

        workers = [asyncio.create_task(hammer(number)) for number in range(8)]
        await _until_accepted(client, store)
        revoked = await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
        returned.set()
        assert (revoked.acknowledged, revoked.lapsed) == (3, 0), "all three services keep verdicts"
        for number in range(20):
            assert not await _accepts(client, store, number)
        stopping.set()
        for late, count in await asyncio.gather(*workers):
            accepted_after += late
            checks += count
    assert accepted_after == 0
    assert checks > 100


@pytest.mark.parametrize("change", ["scopes", "completeRotation", "cancelRotation", "rotateAtOnce"])
async def test_every_change_that_takes_something_away_holds_when_it_has_returned(system: System, change: str) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store, ["catalog.read", "webhooks.read"])
    keys, victim = system.operator.keys, client
    await _until_accepted(client, store)
    match change:
        case "scopes":
            fewer = keys_pb2.Key(name=key.name, scopes=["webhooks.read"])
            await keys.UpdateKey(keys_pb2.UpdateKeyRequest(key=fewer))
        case "rotateAtOnce":
            await keys.RotateKey(keys_pb2.RotateKeyRequest(name=key.name, overlap=Duration()))
        case "completeRotation":
            await keys.RotateKey(keys_pb2.RotateKeyRequest(name=key.name))
            await keys.CompleteKeyRotation(keys_pb2.CompleteKeyRotationRequest(name=key.name))
        case "cancelRotation":
            victim = system.as_((await keys.RotateKey(keys_pb2.RotateKeyRequest(name=key.name))).secret)
            await _until_accepted(victim, store)
            await keys.CancelKeyRotation(keys_pb2.CancelKeyRotationRequest(name=key.name))
    with pytest.raises(grpc.aio.AioRpcError):
        await victim.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))


async def test_a_watcher_that_is_cut_off_holds_a_revocation_up_for_its_lease_and_then_refuses(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    async with _watcher(system) as (verdicts, running):
        assert (await verdicts.caller(client.token, HERE)).principal.endswith(key.name.rpartition("/")[2])
        running.cancel()  # as if it were frozen, or its network gone
        await asyncio.gather(running, return_exceptions=True)
        assert await verdicts.caller(client.token, HERE), "within its lease it goes on"
        began = time.monotonic()
        revoked = await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name), timeout=WAIT_S)
        assert (revoked.acknowledged, revoked.lapsed) == (3, 1)
        assert time.monotonic() - began < LEASE_S + WAIT_S
        with pytest.raises(Unavailable):
            await verdicts.caller(client.token, HERE)


async def test_a_watcher_whose_lease_ran_out_begins_anew_with_nothing(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    async with _watcher(system) as (verdicts, running):
        await verdicts.caller(client.token, HERE)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name), timeout=WAIT_S)
        again = asyncio.create_task(verdicts.run())
        with pytest.raises(Unauthenticated):
            await _until_leased(verdicts, client.token)
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)


async def test_a_watcher_that_leaves_holds_nobody_up(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    async with _channel(system) as channel, leased_verdicts(RemoteSource.behind(channel), 1000) as verdicts:
        await verdicts.caller(client.token, HERE)
    revoked = await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
    assert (revoked.acknowledged, revoked.lapsed) == (3, 0)
    with pytest.raises(Unavailable):
        await verdicts.caller(client.token, HERE)


async def test_a_verdict_that_raced_the_revocation_is_not_used(system: System) -> None:
    """Keys answers "accepted"; before the answer arrives the key is revoked, and this watcher has acknowledged it."""
    store = await system.new_store()
    key, client = await system.new_key(store)
    answered, release = asyncio.Event(), asyncio.Event()

    class Slow(RemoteSource):
        """Keys behind a network that holds one answer back."""

        async def verify(self, token: str) -> keys_pb2.VerifyTokenResponse:
            answer = await super().verify(token)
            answered.set()
            await release.wait()
            return answer

    async with _channel(system) as channel:
        verdicts = LeasedVerdicts(Slow.behind(channel), MANY)
        running = asyncio.create_task(verdicts.run())
        asking = asyncio.create_task(verdicts.caller(client.token, HERE))
        await answered.wait()
        revoked = await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
        assert (revoked.acknowledged, revoked.lapsed) == (4, 0)
        release.set()
        with pytest.raises(Unauthenticated):
            await asking
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await verdicts.leave()


async def test_keys_processes_meet_in_the_database(system: System) -> None:
    """A watcher of one Keys process is waited for by another one."""
    store = await system.new_store()
    key, client = await system.new_key(store)
    settings = system.settings.keys.model_copy(update={"keys_listen": "127.0.0.1:0"})
    secret = settings.service_secret.get_secret_value()
    async with (
        keys_serving(settings) as port,
        service_channel(f"127.0.0.1:{port}", "catalog", secret) as channel,
        leased_verdicts(RemoteSource.behind(channel), 1000) as verdicts,
    ):
        await verdicts.caller(client.token, HERE)
        revoked = await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
        assert (revoked.acknowledged, revoked.lapsed) == (5, 0), "three services, the other Keys process, its watcher"
        with pytest.raises(Unauthenticated):
            await verdicts.caller(client.token, HERE)


async def test_a_verdict_costs_no_call_while_it_is_kept(system: System) -> None:
    store = await system.new_store()
    _, client = await system.new_key(store)
    calls = []

    class Counted(RemoteSource):
        """Keys, with its calls counted."""

        async def verify(self, token: str) -> keys_pb2.VerifyTokenResponse:
            calls.append(1)
            return await super().verify(token)

    async with _channel(system) as channel:
        verdicts = LeasedVerdicts(Counted.behind(channel), MANY)
        running = asyncio.create_task(verdicts.run())
        for _ in range(100):
            await verdicts.caller(client.token, HERE)
        assert len(calls) == 1
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await verdicts.leave()


async def test_without_a_lease_everything_is_refused() -> None:
    async with service_channel("127.0.0.1:9", "catalog", "s" * 32) as channel:
        verdicts = LeasedVerdicts(RemoteSource.behind(channel), MANY)
        with pytest.raises(Unavailable):
            await verdicts.caller("anything", HERE)


@asynccontextmanager
async def _channel(system: System) -> AsyncIterator[grpc.aio.Channel]:
    secret = system.settings.keys.service_secret.get_secret_value()
    async with service_channel(system.settings.keys.keys_address, "catalog", secret) as channel:
        yield channel


@asynccontextmanager
async def _watcher(system: System) -> AsyncIterator[tuple[LeasedVerdicts, "asyncio.Task[None]"]]:
    """A watcher of its own, and the task that keeps its lease."""
    async with _channel(system) as channel:
        verdicts = LeasedVerdicts(RemoteSource.behind(channel), MANY)
        running = asyncio.create_task(verdicts.run())
        try:
            yield verdicts, running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await verdicts.leave()


async def _until_leased(verdicts: LeasedVerdicts, token: str) -> None:
    """Asks until there is a lease again; whatever else comes is raised."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                await verdicts.caller(token, HERE)
            except Unavailable:
                await asyncio.sleep(0.02)
            else:
                return


async def _accepts(client: Client, store: str, number: int) -> bool:
    try:
        if number % 2:
            await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))
        else:
            await client.webhooks.ListDeliveries(webhooks_pb2.ListDeliveriesRequest(parent=store))
    except grpc.aio.AioRpcError as refused:
        if refused.code() != Code.UNAUTHENTICATED:
            raise
        return False
    return True


async def _until_accepted(client: Client, store: str) -> None:
    """Both services know the key."""
    for number in range(2):
        assert await _accepts(client, store, number)
