"""The audit log: complete, without secrets, and unchangeable without being found out."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.keys.v1 import keys_pb2

from cli import auditing
from services.common.database import BlockingDatabase
from services.common.settings import DatabaseSettings
from services.keys import audit, audit_queries
from services.keys.models import handle
from tests.system import Client, System

Sql = Callable[..., None]


@pytest.fixture
def sql(databases: dict[str, str]) -> Sql:
    """Runs statements in the Keys database; `forge` gets round what guards the log, as only an administrator can."""

    def run(statement: str, *values: object, forge: bool = False) -> None:
        with psycopg2.connect(databases["keys"]) as connection, connection.cursor() as cursor:
            if forge:
                cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(statement, values)
        connection.close()

    return run


@pytest.fixture
def verify(databases: dict[str, str]) -> Callable[[str], list[str]]:
    """What `sedifex audit verify` says of a store, without the store's name."""
    settings = DatabaseSettings.model_validate({"keys_database_url": databases["keys"]})

    def run(store: str) -> list[str]:
        store_id = store.removeprefix("stores/")
        return [text.removeprefix(f"{store}: ") for text in auditing.verify(settings, store_id).problems]

    return run


async def test_every_step_of_a_keys_life_is_recorded_with_who_and_what(system: System) -> None:
    store = await system.new_store()
    key, _ = await system.new_key(store, ["catalog.read"])
    keys = system.operator.keys
    await keys.UpdateKey(keys_pb2.UpdateKeyRequest(key=keys_pb2.Key(name=key.name, display_name="Shop site")))
    await keys.RotateKey(keys_pb2.RotateKeyRequest(name=key.name))
    await keys.CancelKeyRotation(keys_pb2.CancelKeyRotationRequest(name=key.name))
    await keys.RotateKey(keys_pb2.RotateKeyRequest(name=key.name))
    await keys.CompleteKeyRotation(keys_pb2.CompleteKeyRotationRequest(name=key.name))
    await keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name), metadata=_with_id(system.operator, "request-0042"))
    entries = (await _list(system.operator, store))[::-1]
    assert [entry.action for entry in entries] == [
        "key.created",
        "key.updated",
        "key.rotated",
        "key.rotationCancelled",
        "key.rotated",
        "key.rotationCompleted",
        "key.revoked",
    ]
    assert [entry.sequence for entry in entries] == list(range(1, 8))
    assert {entry.resource for entry in entries} == {key.name}
    assert {entry.actor for entry in entries} == {key.creator}
    assert entries[-1].request_id == "request-0042"
    assert not entries[0].HasField("before")
    assert entries[1].before["displayName"] == "Test"
    assert entries[1].after["displayName"] == "Shop site"
    assert entries[-1].after["revokeTime"]


async def test_what_changes_nothing_leaves_no_entry(system: System) -> None:
    store = await system.new_store()
    key, _ = await system.new_key(store)
    await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
    await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
    assert len(await _list(system.operator, store)) == 2


async def test_no_secret_is_in_an_entry(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    rotated = await system.operator.keys.RotateKey(keys_pb2.RotateKeyRequest(name=key.name))
    text = str([MessageToDict(entry) for entry in await _list(system.operator, store)])
    for token in (client.token, rotated.secret):
        assert token not in text
        assert token[10:30] not in text


async def test_entries_are_filtered_and_paged(system: System) -> None:
    store = await system.new_store()
    keys = [(await system.new_key(store))[0] for _ in range(3)]
    for key in keys:
        await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
    assert len(await _list(system.operator, store, page_size=2)) == 6
    assert [entry.resource for entry in await _list(system.operator, store, action="key.revoked")] == [
        key.name for key in keys[::-1]
    ]
    assert len(await _list(system.operator, store, resource=keys[0].name)) == 2
    assert len(await _list(system.operator, store, actor=keys[0].creator)) == 6
    assert await _list(system.operator, store, actor="operators/nobody") == []
    soon = Timestamp()
    soon.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
    assert await _list(system.operator, store, start_time=soon) == []
    assert len(await _list(system.operator, store, end_time=soon)) == 6


async def test_a_chain_that_is_written_from_many_sides_is_whole(
    system: System, verify: Callable[[str], list[str]]
) -> None:
    store = await system.new_store()
    await asyncio.gather(*(system.new_key(store) for _ in range(20)))
    entries = await _list(system.operator, store)
    assert [entry.sequence for entry in entries] == list(range(20, 0, -1))
    assert verify(store) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor = 'nobody'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "DELETE FROM audit_head",
        "TRUNCATE audit_head",
        "UPDATE audit_head SET sequence = 1",
    ],
)
async def test_the_database_refuses_to_change_the_log(system: System, sql: Sql, statement: str) -> None:
    store = await system.new_store()
    await system.new_key(store)
    await system.new_key(store)
    with pytest.raises(psycopg2.errors.RaiseException, match="append-only"):
        sql(statement)


_COPY = """
    INSERT INTO audit_entry SELECT store_id, {sequence}, id || 'x', occur_time, actor, action, resource, request_id,
        before, after, previous_hash, hash FROM audit_entry WHERE store_id = %s AND sequence = 2
"""


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        (["UPDATE audit_entry SET actor = 'nobody' WHERE store_id = %s AND sequence = 2"], "entry 2 ({2}) has"),
        (["UPDATE audit_entry SET after = after || ' ' WHERE store_id = %s AND sequence = 3"], "entry 3 ({3}) has"),
        (["UPDATE audit_entry SET occur_time = occur_time + interval '1 us' WHERE store_id = %s AND sequence = 1"],
         "entry 1 ({1}) has been changed"),
        (["DELETE FROM audit_entry WHERE store_id = %s AND sequence = 2"], "entry 2 is missing"),
        (["DELETE FROM audit_entry WHERE store_id = %s AND sequence = 1"], "entry 1 is missing"),
        (["DELETE FROM audit_entry WHERE store_id = %s AND sequence > 2"], "entries 3 to 4 are missing"),
        (["DELETE FROM audit_entry WHERE store_id = %s"], "entries 1 to 4 are missing"),
        ([_COPY.format(sequence=5)], "entry 5 ({2}x) has been changed"),
        (["UPDATE audit_entry SET sequence = sequence + 10 WHERE store_id = %s AND sequence > 2",
          "UPDATE audit_entry SET sequence = sequence - 9 WHERE store_id = %s AND sequence > 10",
          _COPY.format(sequence=3)], "entry 3 ({2}x) has been changed"),
    ],
)  # fmt: skip
async def test_a_forged_log_is_found_out_and_the_entry_named(
    system: System, sql: Sql, verify: Callable[[str], list[str]], statements: list[str], says: str
) -> None:
    store = await system.new_store()
    for _ in range(4):
        await system.new_key(store)
    ids = [entry.name.rpartition("/")[2] for entry in (await _list(system.operator, store))[::-1]]
    for statement in statements:
        sql(statement, store.removeprefix("stores/"), forge=True)
    found = verify(store)
    assert any(text.startswith(says.format("", *ids)) for text in found), found
    assert list((await _verify(system.operator, store)).problems) == found


async def test_an_entry_that_was_replaced_with_a_sound_hash_breaks_the_chain(
    system: System, sql: Sql, verify: Callable[[str], list[str]], databases: dict[str, str]
) -> None:
    """A forger who knows how hashes are made still cannot make the next entry follow."""
    store = await system.new_store()
    for _ in range(3):
        await system.new_key(store)
    store_id = store.removeprefix("stores/")
    forged = _forge(databases, store_id, 2)
    sql("UPDATE audit_entry SET actor = 'nobody', hash = %s WHERE store_id = %s AND sequence = 2", forged, store_id,
        forge=True)  # fmt: skip
    assert ["does not follow" in text for text in verify(store)] == [True]


async def test_a_walk_says_how_far_it_went(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await system.new_store()
    nothing = await _verify(system.operator, store)
    assert (nothing.checked, nothing.first_sequence, nothing.last_sequence, list(nothing.problems)) == (0, 0, 0, [])
    for _ in range(4):
        await system.new_key(store)
    whole = await _verify(system.operator, store)
    assert (whole.checked, whole.first_sequence, whole.last_sequence, list(whole.problems)) == (4, 1, 4, [])
    monkeypatch.setattr(audit, "MAX_CHECKED", 2)
    newest = await _verify(system.operator, store)
    assert (newest.checked, newest.first_sequence, newest.last_sequence, list(newest.problems)) == (2, 3, 4, [])


async def test_a_walk_of_the_newest_sees_what_is_wrong_just_before_them(
    system: System, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await system.new_store()
    for _ in range(4):
        await system.new_key(store)
    monkeypatch.setattr(audit, "MAX_CHECKED", 2)
    sql("DELETE FROM audit_entry WHERE store_id = %s AND sequence = 2", store.removeprefix("stores/"), forge=True)
    (problem,) = (await _verify(system.operator, store)).problems
    assert "does not follow" in problem


async def _verify(client: Client, store: str) -> keys_pb2.VerifyAuditEntriesResponse:
    request = keys_pb2.VerifyAuditEntriesRequest(parent=store)
    answer: keys_pb2.VerifyAuditEntriesResponse = await client.keys.VerifyAuditEntries(request)
    return answer


def _forge(databases: dict[str, str], store_id: str, sequence: int) -> bytes:
    with BlockingDatabase(handle, databases["keys"], "test-audit") as database:
        (entry,) = database.read(audit_queries.read_audit_chain, store_id, sequence - 1, 1)
    return audit.hash_of(replace(entry, actor="nobody"))


def _with_id(client: Client, request_id: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {client.token}"), ("x-request-id", request_id))


async def _list(client: Client, store: str, **values: Any) -> list[keys_pb2.AuditEntry]:
    listed: list[keys_pb2.AuditEntry] = []
    token = ""
    while True:
        request = keys_pb2.ListAuditEntriesRequest(parent=store, page_token=token, **values)
        page = await client.keys.ListAuditEntries(request)
        listed += page.audit_entries
        token = page.next_page_token
        if not token:
            return listed
