"""A suspended store is out of reach for all but operators, from when the call has returned."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from tests.system import Client, System, error_info

Code = grpc.StatusCode


async def test_no_key_reaches_a_suspended_store_on_any_service(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    calls: tuple[Callable[[], Awaitable[Any]], ...] = (
        lambda: client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store)),
        lambda: client.webhooks.ListDeliveries(webhooks_pb2.ListDeliveriesRequest(parent=store)),
        lambda: client.keys.GetKey(keys_pb2.GetKeyRequest(name=key.name)),
    )
    for call in calls:
        await call()
    done = await _suspend(system, store)
    assert (done.acknowledged, done.lapsed) == (3, 0)
    for call in calls:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call()
        assert refused.value.code() == Code.PERMISSION_DENIED
        assert error_info(refused.value).reason == "STORE_SUSPENDED"
    await system.operator.keys.ResumeStore(keys_pb2.ResumeStoreRequest(name=store))
    for call in calls:
        await call()


async def test_a_suspended_store_is_not_listed(system: System) -> None:
    store = await system.new_store()
    _, client = await system.new_key(store)
    await _suspend(system, store)
    assert not (await client.catalog.ListStores(catalog_pb2.ListStoresRequest())).stores


async def test_operators_reach_a_suspended_store_and_what_they_make_there_waits(system: System) -> None:
    store = await system.new_store()
    await _suspend(system, store)
    assert (await system.operator.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))).store.name == store
    _, client = await system.new_key(store)
    assert await _reason(client, store) == "STORE_SUSPENDED"


async def test_keys_made_while_the_store_is_being_suspended_find_it_suspended(system: System) -> None:
    store = await system.new_store()
    made, _ = await asyncio.gather(
        asyncio.gather(*(system.new_key(store) for _ in range(8))),
        _suspend(system, store),
    )
    assert {await _reason(client, store) for _, client in made} == {"STORE_SUSPENDED"}


async def test_another_store_is_left_alone(system: System) -> None:
    store, other = await system.new_store(), await system.new_store()
    _, client = await system.new_key(other)
    await _suspend(system, store)
    assert await _reason(client, other) == ""


async def test_suspending_and_resuming_twice_is_harmless_and_audited_once(system: System) -> None:
    store = await system.new_store()
    for _ in range(2):
        await _suspend(system, store)
    for _ in range(2):
        await system.operator.keys.ResumeStore(keys_pb2.ResumeStoreRequest(name=store))
    listed = await system.operator.keys.ListAuditEntries(keys_pb2.ListAuditEntriesRequest(parent=store))
    assert [entry.action for entry in listed.audit_entries] == ["store.resumed", "store.suspended"]
    assert listed.audit_entries[1].after["reason"] == "unpaid"


async def test_only_operators_suspend_and_only_what_there_is(system: System) -> None:
    store = await system.new_store()
    _, client = await system.new_key(store)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.keys.SuspendStore(keys_pb2.SuspendStoreRequest(name=store, reason="mine"))
    assert refused.value.code() == Code.PERMISSION_DENIED
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _suspend(system, "stores/st_nowhere")
    assert refused.value.code() == Code.NOT_FOUND


async def _suspend(system: System, store: str) -> keys_pb2.SuspendStoreResponse:
    done: keys_pb2.SuspendStoreResponse = await system.operator.keys.SuspendStore(
        keys_pb2.SuspendStoreRequest(name=store, reason="unpaid")
    )
    return done


async def _reason(client: Client, store: str) -> str:
    """Why a call is refused; empty if it is not."""
    try:
        await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))
    except grpc.aio.AioRpcError as refused:
        return str(error_info(refused).reason)
    return ""
