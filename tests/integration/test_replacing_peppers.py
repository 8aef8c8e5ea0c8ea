"""A pepper is replaced while tokens are used: what is used moves to the new one, and outlives the old one."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import psycopg2
import pytest
from sedifex.keys.v1 import keys_pb2, members_pb2

from cli import operators
from services.common.database import BlockingDatabase
from services.common.settings import VersionedSecret
from services.keys import pepper_queries, queries
from services.keys.__main__ import serving
from services.keys.digest import Digester, Kind, Outdated
from services.keys.models import handle
from tests.system import DEADLINE_S, Client, System, random_secret, refused

Code = grpc.StatusCode
NEW = VersionedSecret.model_validate({"version": 2, "secret": random_secret()})


async def test_what_is_used_while_the_new_pepper_is_first_works_when_the_old_one_is_dropped(system: System) -> None:
    store = await system.new_store()
    _, used = await system.new_key(store)
    _, unused = await system.new_key(store)
    member, operator = await system.new_member(store), operators.create(system.settings.keys, "moved").token
    old, list_keys = system.settings.keys.token_peppers[0], keys_pb2.ListKeysRequest(parent=store)
    async with _keys_under(system, [NEW, old]) as as_:
        for token in (used.token, member.client.token, operator):
            await as_(token).keys.ListKeys(list_keys)
    async with _keys_under(system, [NEW]) as as_:
        for token in (used.token, member.client.token, operator):
            await as_(token).keys.ListKeys(list_keys)
        await refused(as_(unused.token).keys.ListKeys(list_keys), Code.UNAUTHENTICATED)


async def test_recovery_codes_of_a_pepper_that_was_dropped_are_not_counted(system: System) -> None:
    member = await system.new_member(await system.new_store())
    await member.enable_totp()
    old, itself = system.settings.keys.token_peppers[0], members_pb2.GetMemberRequest(name="members/me")
    async with _keys_under(system, [NEW, old]) as as_:
        assert (await as_(member.client.token).members.GetMember(itself)).member.recovery_codes_left == 10
    async with _keys_under(system, [NEW]) as as_:
        assert (await as_(member.client.token).members.GetMember(itself)).member.recovery_codes_left == 0


async def test_what_is_made_with_the_new_pepper_works_where_it_is_not_yet_the_first(system: System) -> None:
    store = await system.new_store()
    old = system.settings.keys.token_peppers[0]
    _, before = await system.new_key(store)
    async with _keys_under(system, [old, NEW]) as as_old, _keys_under(system, [NEW, old]) as as_new:
        for maker, user in ((as_new, as_old), (as_old, as_new)):
            request = keys_pb2.CreateKeyRequest(parent=store, display_name="New", scopes=["keys.read"])
            made = (await maker(before.token).keys.CreateKey(request)).secret
            assert (await user(made).keys.ListKeys(keys_pb2.ListKeysRequest(parent=store))).keys
            signing_in = await system.new_member(store)
            sign_in = members_pb2.SignInRequest(email=signing_in.email, password=signing_in.password)
            session = (await maker(None).members.SignIn(sign_in)).token
            await user(session).keys.ListKeys(keys_pb2.ListKeysRequest(parent=store))


@pytest.mark.parametrize("kind", [Kind.KEY, Kind.SESSION])
async def test_who_is_remembered_as_accepted_is_asked_for_again_until_they_have_moved(
    system: System, kind: Kind
) -> None:
    store = await system.new_store()
    client = (await system.new_key(store))[1] if kind is Kind.KEY else (await system.new_member(store)).client
    old = system.settings.keys.token_peppers[0]
    before, after = (Digester([each]).new(client.token).value for each in (old, NEW))
    list_keys = keys_pb2.ListKeysRequest(parent=store)

    def has_moved() -> bool:
        return bool(_sql(system, f"SELECT 1 FROM {kind.value} WHERE digest = %s", after))  # noqa: S608 - a name of ours

    async with _keys_under(system, [NEW, old]) as as_:
        await as_(client.token).keys.ListKeys(list_keys)
        await _until(system, has_moved)
        # As a process does that is restarted later, and has the old one first until then.
        _sql(system, f"UPDATE {kind.value} SET digest = %s, pepper_version = 1 WHERE digest = %s", before, after)  # noqa: S608
        async with asyncio.timeout(DEADLINE_S):
            while not has_moved():
                await as_(client.token).keys.ListKeys(list_keys)
                await asyncio.sleep(0.1)


async def test_a_secret_ends_also_if_its_digest_moves_after_it_was_looked_at(system: System) -> None:
    store = await system.new_store()
    key, client = await system.new_key(store)
    kept = Digester(system.settings.keys.token_peppers).new(client.token)
    store_id, key_id = store.partition("/")[2], key.name.rpartition("/")[2]
    with BlockingDatabase(handle, _url(system), "tests") as database:

        def rotate() -> None:
            (secret,) = _locked(store_id, key_id).secrets
            moving = Outdated(Kind.KEY, kept, Digester([NEW]).new(client.token))
            # From another thread, hence connection: no lock of the key keeps its digest from being moved.
            with ThreadPoolExecutor(1) as another:
                another.submit(database.read, pepper_queries.move, Kind.KEY, [moving]).result(DEADLINE_S)
            queries.set_secret_ends({secret.id: datetime.now(UTC)})

        await asyncio.to_thread(database.write, rotate)
    ((version, end_time),) = _sql(system, "SELECT pepper_version, end_time FROM key_secret WHERE key_id = %s", key_id)
    assert version == 2
    assert end_time is not None


async def test_what_somebody_else_has_locked_is_not_waited_for(system: System) -> None:
    store = await system.new_store()
    made = [await system.new_key(store) for _ in range(2)]
    locked, free = (key.name.rpartition("/")[2] for key, _ in made)
    old, new = Digester(system.settings.keys.token_peppers), Digester([NEW])
    wanted = [Outdated(Kind.KEY, old.new(client.token), new.new(client.token)) for _, client in made]
    with psycopg2.connect(_url(system)) as holder, holder.cursor() as cursor:
        cursor.execute("SELECT 1 FROM key_secret WHERE key_id = %s FOR UPDATE", (locked,))
        with BlockingDatabase(handle, _url(system), "tests") as database:
            await asyncio.to_thread(database.read, pepper_queries.move, Kind.KEY, wanted)
        rows = _sql(system, "SELECT key_id, pepper_version FROM key_secret WHERE key_id IN (%s, %s)", locked, free)
        assert dict(rows) == {locked: 1, free: 2}
    holder.close()


async def test_a_process_that_lacks_a_pepper_says_how_much_hangs_on_it(
    system: System, caplog: pytest.LogCaptureFixture
) -> None:
    store = await system.new_store()
    await system.new_key(store)
    with caplog.at_level(logging.WARNING):
        async with _keys_under(system, [NEW]):
            await _until(system, lambda: any(_lacks_pepper(each) for each in caplog.records))
    (record,) = [each for each in caplog.records if _lacks_pepper(each)]
    assert record.__dict__["version"] == 1
    assert record.__dict__["hanging"]["secrets of keys"] >= 1
    assert "sedifex secrets status" in record.__dict__["remedy"]
    assert "key_" not in str(record.__dict__["hanging"])


def _lacks_pepper(record: logging.LogRecord) -> bool:
    return record.__dict__.get("setting") == "SEDIFEX_TOKEN_PEPPERS"


@asynccontextmanager
async def _keys_under(
    system: System, peppers: Sequence[VersionedSecret]
) -> AsyncIterator[Callable[[str | None], Client]]:
    """Another Keys process on the same database, with these peppers; gives how to call it with a token."""
    changed = {"keys_listen": "127.0.0.1:0", "token_peppers": list(peppers)}
    async with (
        serving(system.settings.keys.model_copy(update=changed)) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield lambda token: Client({"keys": channel, "catalog": channel, "webhooks": channel}, token)


def _locked(store_id: str, key_id: str) -> queries.Key:
    key = queries.lock_key(store_id, key_id)
    assert key is not None
    return key


async def _until(system: System, is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not is_so():  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.05)


def _url(system: System) -> str:
    return system.settings.keys.keys_database_url.get_secret_value()


def _sql(system: System, statement: str, *values: object) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(_url(system))
    with connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = list(cursor.fetchall()) if cursor.description else []
    connection.close()
    return rows
