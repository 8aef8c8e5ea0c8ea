"""Keys in the hands of members: admins manage them, staff look on, and one key may reach two stores of one owner."""

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2

from tests.system import Client, System, refused

Code = grpc.StatusCode
STAFF, ADMIN = access_pb2.ROLE_STAFF, access_pb2.ROLE_ADMIN


async def test_an_admin_creates_rotates_and_revokes_keys_and_the_log_says_who(system: System) -> None:
    store = await system.new_store()
    admin = await system.new_member(store, ADMIN)
    keys = admin.client.keys
    made = await _create(admin.client, store)
    assert made.key.creator == admin.name
    rotated = await keys.RotateKey(keys_pb2.RotateKeyRequest(name=made.key.name))
    assert rotated.secret
    await keys.CompleteKeyRotation(keys_pb2.CompleteKeyRotationRequest(name=made.key.name))
    wanted = keys_pb2.Key(name=made.key.name, display_name="Shop site")
    await keys.UpdateKey(keys_pb2.UpdateKeyRequest(key=wanted))
    revoked = await keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=made.key.name))
    assert revoked.key.state == keys_pb2.Key.STATE_REVOKED
    request = keys_pb2.ListAuditEntriesRequest(parent=store, actor=admin.name)
    entries = (await keys.ListAuditEntries(request)).audit_entries
    assert [entry.action for entry in reversed(entries)][1:] == [
        "key.created",
        "key.rotated",
        "key.rotationCompleted",
        "key.updated",
        "key.revoked",
    ]


async def test_staff_see_keys_and_change_none(system: System) -> None:
    store = await system.new_store()
    key, _ = await system.new_key(store)
    keys = (await system.new_member(store, STAFF)).client.keys
    assert (await keys.GetKey(keys_pb2.GetKeyRequest(name=key.name))).key.name == key.name
    for call in (
        keys.CreateKey(keys_pb2.CreateKeyRequest(parent=store, display_name="X", scopes=["catalog.read"])),
        keys.UpdateKey(keys_pb2.UpdateKeyRequest(key=keys_pb2.Key(name=key.name, display_name="X"))),
        keys.RotateKey(keys_pb2.RotateKeyRequest(name=key.name)),
        keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name)),
    ):
        await refused(call, Code.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")


async def test_a_key_reaches_two_stores_of_one_owner(system: System) -> None:
    first, second = await system.new_store(), await system.new_store()
    owner = await system.new_member(first)
    await system.join(owner, second)
    made = await _create(owner.client, first, second)
    integration = system.as_(made.secret)
    for store in (first, second):
        assert await _reaches(integration, store)
        listed = (await owner.client.keys.ListKeys(keys_pb2.ListKeysRequest(parent=store))).keys
        assert [key.name for key in listed] == [made.key.name]
    await owner.client.keys.UpdateKey(_stores(made.key.name, first))
    assert await _reaches(integration, first)
    assert not await _reaches(integration, second)
    assert not (await owner.client.keys.ListKeys(keys_pb2.ListKeysRequest(parent=second))).keys
    await owner.client.keys.UpdateKey(_stores(made.key.name, first, second))
    assert await _reaches(integration, second)
    for store in (first, second):
        request = keys_pb2.ListAuditEntriesRequest(parent=store, resource=made.key.name)
        entries = (await owner.client.keys.ListAuditEntries(request)).audit_entries
        assert [entry.action for entry in entries] == ["key.updated", "key.updated", "key.created"]
        assert {entry.actor for entry in entries} == {owner.name}


async def test_a_key_does_not_reach_stores_that_nobody_owns_both_of(system: System) -> None:
    first, second = await system.new_store(), await system.new_store()
    owner = await system.new_member(first)
    await system.new_member(second)
    await system.join(owner, second, ADMIN)
    call = _create(owner.client, first, second)
    await refused(call, Code.FAILED_PRECONDITION, "STORES_OF_DIFFERENT_OWNERS")
    made = await _create(owner.client, first)
    call = owner.client.keys.UpdateKey(_stores(made.key.name, first, second))
    await refused(call, Code.FAILED_PRECONDITION, "STORES_OF_DIFFERENT_OWNERS")


@pytest.mark.parametrize("role", [None, STAFF])
async def test_who_is_no_admin_in_the_other_store_makes_no_key_for_it(
    system: System, role: access_pb2.Role.ValueType | None
) -> None:
    first, second = await system.new_store(), await system.new_store()
    owner = await system.new_member(first)
    await system.join(owner, second)
    admin = await system.new_member(first, ADMIN)
    if role is not None:
        await system.join(admin, second, role)
    await refused(_create(admin.client, first, second), Code.PERMISSION_DENIED, "STORE_NOT_ALLOWED")
    made = await _create(owner.client, first, second)
    rotate = admin.client.keys.RotateKey(keys_pb2.RotateKeyRequest(name=made.key.name))
    await refused(rotate, Code.PERMISSION_DENIED, "STORE_NOT_ALLOWED")


async def _create(client: Client, *stores: str) -> keys_pb2.CreateKeyResponse:
    request = keys_pb2.CreateKeyRequest(
        parent=stores[0], display_name="Website", scopes=["catalog.read"], stores=stores[1:]
    )
    made: keys_pb2.CreateKeyResponse = await client.keys.CreateKey(request)
    return made


def _stores(name: str, *stores: str) -> keys_pb2.UpdateKeyRequest:
    return keys_pb2.UpdateKeyRequest(
        key=keys_pb2.Key(name=name, stores=stores), update_mask=FieldMask(paths=["stores"])
    )


async def _reaches(client: Client, store: str) -> bool:
    try:
        await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))
    except grpc.aio.AioRpcError as failure:
        assert failure.code() == Code.PERMISSION_DENIED  # noqa: PT017 - the other outcome is an answer
        return False
    return True
