"""A key's rotation and changes, over gRPC: one identity, two secrets for a while, no job that has to run."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import psycopg2
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2

from services.common.times import now
from services.keys import queries, states
from services.keys.models import handle
from tests.partner import WAIT_S
from tests.system import Client, System, error_info

Code = grpc.StatusCode
State = keys_pb2.Key


async def test_both_secrets_work_during_the_overlap_and_the_key_stays_the_same(system: System) -> None:
    store = await system.new_store()
    key, old = await system.new_key(store)
    rotated, new = await _rotate(system, key.name, 3600)
    assert rotated.name == key.name
    assert rotated.state == State.STATE_ROTATING
    assert [secret.hint[-4:] for secret in rotated.secrets] == [new.token[-4:], old.token[-4:]]
    left = rotated.secrets[1].end_time.ToDatetime(UTC) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    assert await _works(old, store)
    assert await _works(new, store)


async def test_the_overlap_is_an_hour_unless_told_and_a_week_at_most(system: System) -> None:
    store = await system.new_store()
    key, _ = await system.new_key(store)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _rotate(system, key.name, 7 * 24 * 3600 + 1)
    assert refused.value.code() == Code.INVALID_ARGUMENT
    rotated, _ = await _rotate(system, key.name, None)
    assert rotated.secrets[1].end_time.seconds - rotated.secrets[0].create_time.seconds == 3600


async def test_without_an_overlap_the_old_secret_ends_at_once(system: System) -> None:
    store = await system.new_store()
    key, old = await system.new_key(store)
    rotated, new = await _rotate(system, key.name, 0)
    assert rotated.state == State.STATE_ACTIVE
    assert len(rotated.secrets) == 1
    assert not await _works(old, store)
    assert await _works(new, store)


async def test_completing_ends_the_old_secret_now(system: System) -> None:
    store = await system.new_store()
    key, old = await system.new_key(store)
    _, new = await _rotate(system, key.name, 3600)
    done = await system.operator.keys.CompleteKeyRotation(keys_pb2.CompleteKeyRotationRequest(name=key.name))
    assert done.key.state == State.STATE_ACTIVE
    assert not await _works(old, store)
    assert await _works(new, store)


async def test_cancelling_returns_to_the_old_secret(system: System) -> None:
    store = await system.new_store()
    key, old = await system.new_key(store)
    _, new = await _rotate(system, key.name, 3600)
    done = await system.operator.keys.CancelKeyRotation(keys_pb2.CancelKeyRotationRequest(name=key.name))
    assert done.key.state == State.STATE_ACTIVE
    assert done.key.hint == key.hint
    assert [secret.HasField("end_time") for secret in done.key.secrets] == [False]
    assert await _works(old, store)
    assert not await _works(new, store)
    _, newer = await _rotate(system, key.name, 3600)
    assert await _works(newer, store), "and it can be rotated again"


async def test_an_old_secret_ends_at_its_minute_by_itself(system: System, databases: dict[str, str]) -> None:
    store = await system.new_store()
    key, old = await system.new_key(store)
    _, new = await _rotate(system, key.name, 3600)
    _sql(databases, "UPDATE key_secret SET end_time = now() WHERE key_id = %s AND end_time IS NOT NULL", _id(key))
    assert not await _works(old, store)
    assert await _works(new, store)
    shown = await system.operator.keys.GetKey(keys_pb2.GetKeyRequest(name=key.name))
    assert shown.key.state == State.STATE_ACTIVE
    again, _ = await _rotate(system, key.name, 60)
    assert again.state == State.STATE_ROTATING


async def test_a_rotation_within_a_rotation_is_refused_with_what_to_do(system: System) -> None:
    store = await system.new_store()
    key, old = await system.new_key(store)
    await _rotate(system, key.name, 3600)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _rotate(system, key.name, 3600)
    assert refused.value.code() == Code.FAILED_PRECONDITION
    assert error_info(refused.value).reason == "ROTATION_UNDER_WAY"
    assert await _works(old, store)


async def test_concurrent_rotations_make_one_secret(system: System) -> None:
    store = await system.new_store()
    key, _ = await system.new_key(store)
    done = await asyncio.gather(*(_rotate(system, key.name, 3600) for _ in range(5)), return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in done) == 1
    codes = {each.code() for each in done if isinstance(each, grpc.aio.AioRpcError)}
    assert codes == {Code.FAILED_PRECONDITION}


async def test_a_repeat_of_a_rotation_says_what_to_do_if_the_secret_was_lost(system: System) -> None:
    store = await system.new_store()
    key, _ = await system.new_key(store)
    await _rotate(system, key.name, 3600, request_id="77777777-8888")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _rotate(system, key.name, 3600, request_id="77777777-8888")
    assert refused.value.code() == Code.ALREADY_EXISTS
    assert "cancel the rotation" in str(refused.value.details())


@pytest.mark.parametrize("method", ["CompleteKeyRotation", "CancelKeyRotation"])
async def test_there_must_be_a_rotation_to_end(system: System, method: str) -> None:
    store = await system.new_store()
    key, _ = await system.new_key(store)
    request = getattr(keys_pb2, f"{method}Request")(name=key.name)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await getattr(system.operator.keys, method)(request)
    assert refused.value.code() == Code.FAILED_PRECONDITION
    assert error_info(refused.value).reason == "NO_ROTATION"


@pytest.mark.parametrize("method", ["CompleteKeyRotation", "CancelKeyRotation"])
async def test_ending_a_rotation_twice_is_harmless_for_an_answer_may_be_lost(system: System, method: str) -> None:
    store = await system.new_store()
    key, _ = await system.new_key(store)
    await _rotate(system, key.name, 3600)
    request = getattr(keys_pb2, f"{method}Request")(name=key.name)
    first = (await getattr(system.operator.keys, method)(request)).key
    again = (await getattr(system.operator.keys, method)(request)).key
    assert again == first
    other = ({"CompleteKeyRotation", "CancelKeyRotation"} - {method}).pop()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await getattr(system.operator.keys, other)(getattr(keys_pb2, f"{other}Request")(name=key.name))
    assert error_info(refused.value).reason == "NO_ROTATION"


async def test_revoking_ends_both_secrets_and_every_change(system: System) -> None:
    store = await system.new_store()
    key, old = await system.new_key(store)
    _, new = await _rotate(system, key.name, 3600)
    await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
    assert not await _works(old, store)
    assert not await _works(new, store)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _rotate(system, key.name, 3600)
    assert error_info(refused.value).reason == "KEY_ENDED"


async def test_a_key_cannot_take_over_one_that_can_do_more(system: System) -> None:
    store = await system.new_store()
    strong, _ = await system.new_key(store, ["catalog.write"])
    _, weak = await system.new_key(store, ["keys.write"])
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await weak.keys.RotateKey(keys_pb2.RotateKeyRequest(name=strong.name))
    assert refused.value.code() == Code.PERMISSION_DENIED
    assert error_info(refused.value).reason == "SCOPE_MISSING"


async def test_each_secret_shows_its_own_last_use(system: System) -> None:
    store = await system.new_store()
    key, old = await system.new_key(store)
    assert not key.secrets[0].HasField("last_use_time")
    rotated, _ = await _rotate(system, key.name, 3600)
    assert await _works(old, store)
    async with asyncio.timeout(WAIT_S):
        while True:
            shown = (await system.operator.keys.GetKey(keys_pb2.GetKeyRequest(name=key.name))).key
            if shown.secrets[1].HasField("last_use_time"):
                break
            await asyncio.sleep(0.05)
    assert shown.secrets[1].last_use_time.seconds >= rotated.secrets[0].create_time.seconds
    assert not shown.secrets[0].HasField("last_use_time"), "the new one has not been used"


async def test_a_change_of_scopes_holds_for_the_next_call(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store, ["catalog.read"])
    assert await _works(client, store)
    changed = await _update(system.operator, State(name=key.name, scopes=["webhooks.read"]), "scopes")
    assert (list(changed.scopes), changed.display_name) == (["webhooks.read"], key.display_name)
    assert changed.etag != key.etag
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))
    assert refused.value.code() == Code.PERMISSION_DENIED


async def test_an_update_that_changes_nothing_keeps_the_etag(system: System) -> None:
    store = await system.new_store()
    key, _ = await system.new_key(store)
    assert await _update(system.operator, State(name=key.name, display_name=key.display_name)) == key


async def test_a_change_to_something_older_is_refused(system: System) -> None:
    store = await system.new_store()
    key, _ = await system.new_key(store)
    await _update(system.operator, State(name=key.name, display_name="Other"))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _update(system.operator, State(name=key.name, display_name="Mine", etag=key.etag))
    assert refused.value.code() == Code.ABORTED


@pytest.mark.parametrize(
    ("values", "mask"),
    [
        ({"display_name": ""}, "display_name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"expire_time": datetime(2020, 1, 1, tzinfo=UTC)}, "expire_time"),
        ({}, "creator"),
        ({}, "secret"),
    ],
)
async def test_a_wrong_change_is_refused(system: System, values: dict[str, Any], mask: str) -> None:
    store = await system.new_store()
    key, _ = await system.new_key(store)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _update(system.operator, State(name=key.name, **values), mask)
    assert refused.value.code() == Code.INVALID_ARGUMENT
    assert (await system.operator.keys.GetKey(keys_pb2.GetKeyRequest(name=key.name))).key == key


async def test_a_list_by_state_agrees_with_the_state_of_each_key(system: System, databases: dict[str, str]) -> None:
    """SQL filters what Python decides: every mix of the times, at their edges."""
    store = await system.new_store()
    keys = [(await system.new_key(store))[0] for _ in range(24)]
    moment = now()
    day = timedelta(days=1)
    expiries = [None, moment - day, moment, moment + day, moment + states.EXPIRING_SOON, moment + 30 * day]
    for number, key in enumerate(keys):
        made, expiry = moment - 60 * day, expiries[number % 6]
        revoked = moment - day if number // 6 % 2 else None
        statement = "UPDATE api_key SET create_time = %s, expire_time = %s, revoke_time = %s WHERE id = %s"
        _sql(databases, statement, made, expiry, revoked, _id(key))
        if number // 12:
            statement = "INSERT INTO key_secret VALUES (sha256(%s), 1, %s, 'old', %s, %s)"
            _sql(databases, statement, _id(key).encode(), _id(key), made, moment + (number % 3 - 1) * day)
    store_id = store.removeprefix("stores/")

    def compare() -> None:
        everything = queries.list_keys(store_id, None, None, 100)
        for state in State.State.values()[1:]:
            wanted = queries.StateFilter(state, moment, moment + states.EXPIRING_SOON)
            listed = queries.list_keys(store_id, wanted, None, 100)
            assert listed == [key for key in everything if states.state_of(key, moment) == state]

    with handle.connection_context():
        compare()


async def _rotate(system: System, name: str, overlap: int | None, request_id: str = "") -> tuple[keys_pb2.Key, Client]:
    request = keys_pb2.RotateKeyRequest(name=name, request_id=request_id)
    if overlap is not None:
        request.overlap.CopyFrom(Duration(seconds=overlap))
    done = await system.operator.keys.RotateKey(request)
    return done.key, system.as_(done.secret)


async def _update(client: Client, key: keys_pb2.Key, *paths: str) -> keys_pb2.Key:
    request = keys_pb2.UpdateKeyRequest(key=key, update_mask=FieldMask(paths=paths))
    changed: keys_pb2.Key = (await client.keys.UpdateKey(request)).key
    return changed


async def _works(client: Client, store: str) -> bool:
    try:
        await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))
    except grpc.aio.AioRpcError as refused:
        if refused.code() != Code.UNAUTHENTICATED:
            raise
        return False
    return True


def _id(key: keys_pb2.Key) -> str:
    return key.name.rpartition("/")[2]


def _sql(databases: dict[str, str], statement: str, *values: object) -> None:
    with psycopg2.connect(databases["keys"]) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
    connection.close()
