"""From where a key may be used: judged by the client's own address, which only the gateway is believed about."""

import asyncio
import time

import grpc
import httpx
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2

from services.common.access import service_identity
from services.common.access.origin import ADDRESS_HEADER, GATEWAY_HEADER
from tests.partner import WAIT_S
from tests.system import Client, System, error_info

Code = grpc.StatusCode
INSIDE, OUTSIDE = "203.0.113.7", "198.51.100.7"


async def test_a_key_works_from_where_it_is_allowed(system: System) -> None:
    store = await system.new_store()
    _, client = await system.new_key(store, allowed_cidrs=["127.0.0.0/8", "::1"])
    assert await _reason(client, store) == ""


async def test_a_key_is_refused_from_elsewhere_on_every_service_and_told_from_where(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store, allowed_cidrs=["203.0.113.0/24"])
    assert key.allowed_cidrs == ["203.0.113.0/24"]
    for call in (
        client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store)),
        client.keys.GetKey(keys_pb2.GetKeyRequest(name=key.name)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        assert refused.value.code() == Code.PERMISSION_DENIED
        assert error_info(refused.value).reason == "ADDRESS_NOT_ALLOWED"
        assert error_info(refused.value).metadata["address"] in {"127.0.0.1", "::1"}


@pytest.mark.parametrize("word", ["none", "wrong", "catalog's"])
async def test_nobody_but_the_gateway_is_believed_about_an_address(system: System, word: str) -> None:
    store = await system.new_store()
    _, client = await system.new_key(store, allowed_cidrs=["203.0.113.0/24"])
    secret = system.settings.keys.service_secret.get_secret_value()
    words = {
        "none": [],
        "wrong": [(GATEWAY_HEADER, service_identity.token_for("gateway", "another secret, 32 characters..."))],
        "catalog's": [(GATEWAY_HEADER, service_identity.token_for("catalog", secret))],
    }
    claim = [("authorization", f"Bearer {client.token}"), (ADDRESS_HEADER, INSIDE), *words[word]]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store), metadata=claim)
    assert error_info(refused.value).reason == "ADDRESS_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [(INSIDE, 200), (OUTSIDE, 403), (f"{INSIDE}, {OUTSIDE}", 403), (f"{OUTSIDE}, {INSIDE}", 200), ("nonsense", 403)],
)
async def test_behind_the_gateway_the_address_is_the_clients(
    system: System, gateway: httpx.AsyncClient, forwarded: str, status: int
) -> None:
    store = await system.new_store()
    _, client = await system.new_key(store, allowed_cidrs=["203.0.113.0/24"])
    headers = {"X-Api-Key": client.token, "X-Forwarded-For": forwarded}
    assert (await gateway.get(f"/v1/{store}", headers=headers)).status_code == status


async def test_a_client_cannot_speak_for_itself_through_the_gateway(system: System, gateway: httpx.AsyncClient) -> None:
    store = await system.new_store()
    _, client = await system.new_key(store, allowed_cidrs=["203.0.113.0/24"])
    headers = {"X-Api-Key": client.token, "X-Forwarded-For": OUTSIDE, ADDRESS_HEADER: INSIDE}
    assert (await gateway.get(f"/v1/{store}", headers=headers)).status_code == 403


async def test_what_is_allowed_no_more_is_refused_when_the_change_has_returned(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    assert await _reason(client, store) == ""
    narrowed = keys_pb2.Key(name=key.name, allowed_cidrs=[f"{INSIDE}/32"])
    await system.operator.keys.UpdateKey(keys_pb2.UpdateKeyRequest(key=narrowed))
    assert await _reason(client, store) == "ADDRESS_NOT_ALLOWED"
    anywhere = keys_pb2.UpdateKeyRequest(key=keys_pb2.Key(name=key.name), update_mask=_mask("allowed_cidrs"))
    await system.operator.keys.UpdateKey(anywhere)
    assert await _reason(client, store) == ""


async def test_a_network_that_is_none_is_refused_with_its_field(system: System) -> None:
    store = await system.new_store()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await system.new_key(store, allowed_cidrs=["203.0.113.7/24"])
    assert refused.value.code() == Code.INVALID_ARGUMENT
    assert str(refused.value.details()).startswith("allowed_cidrs[0]: must be a network like")


async def test_each_secret_shows_from_where_and_by_what_it_was_last_used(
    system: System, gateway: httpx.AsyncClient
) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    headers = {"X-Api-Key": client.token, "X-Forwarded-For": INSIDE, "User-Agent": "WordPress/6.8; Makola Corner"}
    assert (await gateway.get(f"/v1/{store}", headers=headers)).status_code == 200
    deadline = time.monotonic() + WAIT_S
    secret = key.secrets[0]
    while not secret.last_use_address and time.monotonic() < deadline:  # written in batches: nobody tells when
        await asyncio.sleep(0.05)
        secret = (await system.operator.keys.GetKey(keys_pb2.GetKeyRequest(name=key.name))).key.secrets[0]
    assert (secret.last_use_address, secret.last_use_agent) == (INSIDE, "WordPress/6.8; Makola Corner")


async def test_the_audit_log_tells_from_where(system: System, gateway: httpx.AsyncClient) -> None:
    store = await system.new_store()
    headers = {"Authorization": f"Bearer {system.operator.token}", "X-Forwarded-For": INSIDE}
    body = {"displayName": "Site", "scopes": ["catalog.read"]}
    assert (await gateway.post(f"/v1/{store}/keys", json=body, headers=headers)).status_code == 200
    entries = (await gateway.get(f"/v1/{store}/auditEntries", headers=headers)).json()["auditEntries"]
    assert entries[0]["clientAddress"] == INSIDE


async def _reason(client: Client, store: str) -> str:
    """Why a call is refused; empty if it is not."""
    try:
        await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))
    except grpc.aio.AioRpcError as refused:
        return str(error_info(refused).reason)
    return ""


def _mask(*paths: str) -> FieldMask:
    return FieldMask(paths=paths)
