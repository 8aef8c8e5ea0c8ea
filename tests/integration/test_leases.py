"""Leases: who is taken for gone and who is not, whatever the clocks of the machines say."""

from collections.abc import AsyncIterator

import psycopg2
import pytest

from services.common.database import Database
from services.common.ids import new_id
from services.keys import leases
from services.keys.barrier import Barrier
from services.keys.leases import LEASE_S
from services.keys.models import handle
from tests.system import System


@pytest.fixture
async def database(system: System) -> AsyncIterator[Database]:
    with Database(handle, system.settings.keys.keys_database_url.get_secret_value(), 2, "test-leases") as made:
        yield made


@pytest.fixture
async def watcher(database: Database) -> AsyncIterator[str]:
    """A watcher that does nothing by itself."""
    name = new_id("wtc")
    await database.write(leases.begin, name, "services/test")
    yield name
    await database.read(leases.leave, name)


def test_no_moment_of_a_wall_clock_stands_in_a_lease(databases: dict[str, str]) -> None:
    with psycopg2.connect(databases["keys"]) as connection, connection.cursor() as cursor:
        cursor.execute("""
            SELECT table_name, column_name FROM information_schema.columns
            WHERE table_name IN ('watcher', 'invalidation', 'revocation_epoch') AND data_type ~ 'time|date'
        """)
        assert cursor.fetchall() == []
    connection.close()


async def test_who_has_not_renewed_for_a_lease_is_taken_for_gone(database: Database, watcher: str) -> None:
    barrier = Barrier(database)
    await barrier.sweep(now=100.0)
    await barrier.sweep(now=100.0 + LEASE_S)
    assert await _is_there(database, watcher)
    await barrier.sweep(now=100.1 + LEASE_S)
    assert not await _is_there(database, watcher)
    assert not await database.read(leases.renew, {watcher: 0}), "it is told to begin anew"


async def test_who_renews_is_not(database: Database, watcher: str) -> None:
    barrier = Barrier(database)
    await barrier.sweep(now=100.0)
    await database.read(leases.renew, {watcher: 0})
    await barrier.sweep(now=101.0 + LEASE_S)
    assert await _is_there(database, watcher)


async def test_who_renews_while_it_is_taken_for_gone_stays(database: Database, watcher: str) -> None:
    seen = {each.id: each.renewals for each in await database.read(leases.list_watchers)}[watcher]
    await database.read(leases.renew, {watcher: 0})
    await database.write(leases.end, {watcher: seen})
    assert await _is_there(database, watcher)


async def test_news_is_kept_until_every_watcher_has_acknowledged_it(database: Database, watcher: str) -> None:
    before = await database.read(leases.current_epoch)
    epoch = await database.write(leases.invalidate, ["keys/key_1", "members/mem_1"])
    await database.read(leases.prune)
    news = await database.read(leases.news_since, before)
    assert set(news.principals) >= {"keys/key_1", "members/mem_1"}
    assert news.epoch >= epoch


async def test_no_change_is_cut_in_two_however_many_it_concerns(
    database: Database, watcher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "MAX_NEWS", 10)
    before = await database.read(leases.current_epoch)
    for number in range(3):
        await database.write(leases.invalidate, [f"keys/{number}-{each}" for each in range(7)])
    first = await database.read(leases.news_since, before)
    assert len(first.principals) == 14
    rest = await database.read(leases.news_since, first.epoch)
    assert len(rest.principals) == 7


async def test_a_token_that_has_come_into_being_is_news_of_no_principal(database: Database, watcher: str) -> None:
    before = await database.read(leases.current_epoch)
    await database.write(leases.announce_token)
    news = await database.read(leases.news_since, before)
    assert news.tokens_created
    assert leases.TOKENS not in news.principals


async def _is_there(database: Database, watcher: str) -> bool:
    return watcher in {each.id for each in await database.read(leases.list_watchers)}
