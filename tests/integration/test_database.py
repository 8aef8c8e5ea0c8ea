"""The database layer against a real PostgreSQL: what it does when connections break, time out or run short."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import peewee
import psycopg2
import pytest

from services.common.database import WAITING_PER_THREAD, Database, bind, migrate
from services.common.errors import Unavailable

handle = peewee.PostgresqlDatabase(None, autoconnect=False)


@pytest.fixture
def database(databases: dict[str, str]) -> Iterator[Database]:
    with Database(handle, databases["catalog"], 1, "test-database") as made:
        yield made


def _query(statement: str) -> Any:
    return handle.execute_sql(statement).fetchone()


def _kill_connections(url: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sedifex-test-database'"
        )
    connection.close()


@pytest.mark.parametrize("kind", ["read", "write"])
async def test_a_connection_that_died_while_idle_is_replaced_unnoticed(
    database: Database, databases: dict[str, str], kind: str
) -> None:
    run = getattr(database, kind)
    assert await run(_query, "SELECT 1") == (1,)
    _kill_connections(databases["catalog"])
    assert await run(_query, "SELECT 2") == (2,)


async def test_a_transaction_whose_connection_dies_is_not_repeated(
    database: Database, databases: dict[str, str]
) -> None:
    runs = []

    def work() -> None:
        runs.append(1)
        _kill_connections(databases["catalog"])
        _query("SELECT 1")

    with pytest.raises(Unavailable):
        await database.write(work)
    assert len(runs) == 1
    assert await database.write(_query, "SELECT 1") == (1,), "the next one gets a new connection"


async def test_what_raises_is_rolled_back(database: Database) -> None:
    def work() -> None:
        handle.execute_sql("CREATE TABLE half_done (id int)")
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(work)
    assert await database.read(_query, "SELECT to_regclass('half_done')") == (None,)


async def test_an_unreachable_database_is_unavailable_with_a_wait() -> None:
    nowhere = peewee.PostgresqlDatabase(None, autoconnect=False)
    with Database(nowhere, "host=/nonexistent dbname=x", 1, "test") as database, pytest.raises(Unavailable) as refused:
        await database.read(lambda: None)
    assert refused.value.retry_after is not None
    assert "/nonexistent" not in refused.value.message


async def test_a_statement_that_takes_too_long_is_ended(database: Database) -> None:
    def work() -> None:
        handle.execute_sql("SET LOCAL statement_timeout = 10")
        handle.execute_sql("SELECT pg_sleep(60)")

    with pytest.raises(Unavailable, match="too long"):
        await database.write(work)
    assert await database.read(_query, "SELECT 1") == (1,), "the connection is still good"


async def test_a_queue_that_is_full_refuses_at_once_and_recovers(database: Database) -> None:
    release = threading.Event()
    waiting = [asyncio.ensure_future(database.read(release.wait)) for _ in range(WAITING_PER_THREAD + 1)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="Too many"):
        await database.read(_query, "SELECT 1")
    release.set()
    await asyncio.gather(*waiting)
    assert await database.read(_query, "SELECT 1") == (1,)


async def test_a_caller_who_gives_up_does_not_free_the_thread(database: Database) -> None:
    started, release = threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        release.wait()

    task = asyncio.ensure_future(database.read(work))
    await asyncio.to_thread(started.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert database._in_hand == 1
    release.set()
    assert await database.read(_query, "SELECT 1") == (1,)


def test_migrations_run_once_wherever_they_are_started_from(databases: dict[str, str], tmp_path: Any) -> None:
    (tmp_path / "0001_first.py").write_text(
        "def up(m, db):\n    db.execute_sql('CREATE TABLE migrated_once (id int)')\n"
    )
    connection = psycopg2.connect(databases["keys"])
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE migration_test")
    url = databases["keys"].replace("dbname=sedifex_keys", "dbname=migration_test")
    applied: list[list[str]] = []

    def run() -> None:
        own = peewee.PostgresqlDatabase(None, autoconnect=False)
        bind(own, url, "migrate")
        applied.append(migrate(own, tmp_path))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(applied) == [[], [], [], ["0001_first"]]
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE migration_test")
    connection.close()
