"""What is done now and then: partitions, retention, warnings, disabling; and the queue made of what there was."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import peewee
import psycopg2
import pytest
from playhouse.migrations import Runner
from psycopg2 import sql
from psycopg2.extensions import make_dsn, parse_dsn

from services.common.database import BlockingDatabase
from services.common.vault import Vault
from services.webhooks.__main__ import MIGRATIONS
from services.webhooks.models import handle
from services.webhooks.worker import upkeep
from tests.queue import Queue
from tests.system import Settings

DAY = timedelta(days=1)


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    url = settings.webhooks.webhooks_database_url.get_secret_value()
    with BlockingDatabase(handle, url, "test-upkeep") as database:
        yield Queue(database, Vault(settings.webhooks.webhook_secret_keys))


def _partitions(queue: Queue) -> list[str]:
    rows = queue.sql(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'attempt'::regclass ORDER BY 1"
    )
    return [name for (name,) in rows]


def _partition(day: datetime) -> str:
    return f"attempt_{day:%Y%m%d}"


def test_partitions_are_made_ahead_and_dropped_when_their_time_has_come(queue: Queue) -> None:
    today = datetime.now(UTC)
    old, kept = today - 31 * DAY, today - 29 * DAY
    for day in (old, kept):
        queue.sql("SELECT make_attempt_partition(%s)", day.date())
    queue.database.write(upkeep.keep_partitions)
    names = _partitions(queue)
    assert _partition(old) not in names
    assert {_partition(kept), _partition(today), _partition(today + upkeep.DAYS_AHEAD * DAY)} <= set(names)


def test_an_attempt_without_a_partition_is_kept_and_moves_into_one(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.add_due(endpoint)
    queue.try_all()
    day = datetime.now(UTC) + 20 * DAY
    queue.sql("UPDATE attempt SET start_time = %s WHERE delivery_id IN (SELECT max(id) FROM delivery)", day)
    ((place,),) = queue.sql("SELECT tableoid::regclass::text FROM attempt WHERE start_time = %s", day)
    assert place == "attempt_default"
    queue.sql("SELECT make_attempt_partition(%s)", day.date())
    ((place,),) = queue.sql("SELECT tableoid::regclass::text FROM attempt WHERE start_time = %s", day)
    assert place == _partition(day)
    queue.sql(f"DROP TABLE {place}")


def test_what_is_past_keeping_is_forgotten_but_for_what_waits(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    done, waiting = queue.add_due(endpoint, 2)
    long_ago = datetime.now(UTC) - 40 * DAY
    stamp = upkeep._ulid_floor(long_ago)
    for number, delivery in enumerate((done, waiting)):
        queue.sql("ALTER TABLE due DISABLE TRIGGER USER")
        queue.sql("DELETE FROM due WHERE delivery_id = %s", delivery)
        queue.sql("ALTER TABLE due ENABLE TRIGGER USER")
        event = f"evt_{stamp}{number:016d}"
        queue.sql("INSERT INTO event VALUES (%s, 'st_x', 'product.created', '{}', %s)", event, long_ago)
        change = "UPDATE delivery SET id = %s, event_id = %s, create_time = %s WHERE id = %s"
        queue.sql(change, f"dlv_{stamp}{number:016d}", event, long_ago, delivery)
    queue.sql(
        "UPDATE delivery SET state = 'succeeded', finish_time = now(), next_attempt_time = NULL WHERE id = %s",
        f"dlv_{stamp}{0:016d}",
    )
    queue.database.write(upkeep.forget_old)
    for table in ("delivery", "event"):
        rows = queue.sql(f"SELECT right(id, 1) FROM {table} WHERE create_time = %s", long_ago)  # noqa: S608 - above
        assert [number for (number,) in rows] == ["1"]
    queue.sql("DELETE FROM delivery WHERE create_time = %s", long_ago)


def test_a_replay_is_forgotten_a_while_after_its_end_and_not_before(queue: Queue) -> None:
    long_ago = datetime.now(UTC) - 40 * DAY
    stamp, store = upkeep._ulid_floor(long_ago), "st_forgotten"
    for number, finished in enumerate((long_ago, datetime.now(UTC) - DAY, None)):
        queue.sql(
            "INSERT INTO replay (id, store_id, states, event_types, start_time, end_time, creator, state,"
            " progress_time, progress_event, create_time, finish_time)"
            " VALUES (%s, %s, '{}', '{}', %s, now(), '', %s, now(), '', %s, %s)",
            *(f"rpl_{stamp}{number:016d}", store, long_ago, "succeeded" if finished else "running", long_ago, finished),
        )
    queue.database.write(upkeep.forget_old)
    rows = queue.sql("DELETE FROM replay WHERE store_id = %s RETURNING right(id, 1)", store)
    assert sorted(number for (number,) in rows) == ["1", "2"]


@pytest.mark.parametrize(
    ("days", "state", "words"), [(0.5, "enabled", ""), (1.1, "enabled", "is disabled on"), (5.1, "disabled", "5 days")]
)
def test_an_endpoint_that_fails_for_long_is_warned_of_and_then_disabled(
    queue: Queue, days: float, state: str, words: str
) -> None:
    endpoint = queue.add_endpoint()
    queue.add_due(endpoint)
    queue.try_all(500)
    change = "UPDATE endpoint_queue SET failing_since = now() - %s WHERE endpoint_id = %s"
    queue.sql(change, timedelta(days=days), endpoint)
    queue.database.write(upkeep.judge_endpoints)
    found = queue.state(endpoint)
    assert found["state"] == state
    assert words in found["state_reason"]
    assert bool(found["state_reason"]) == bool(words)


def test_a_warning_goes_when_something_succeeds(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.add_due(endpoint, 2)
    queue.try_all(500)
    queue.sql("UPDATE endpoint_queue SET failing_since = now() - interval '2 days' WHERE endpoint_id = %s", endpoint)
    queue.database.write(upkeep.judge_endpoints)
    queue.pass_time(10)
    queue.try_all()
    queue.database.write(upkeep.judge_endpoints)
    assert queue.state(endpoint)["state_reason"] == ""


def test_an_endpoint_that_the_queue_has_forgotten_is_found(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.add_due(endpoint)
    queue.sql("DELETE FROM endpoint_nudge WHERE endpoint_id = %s", endpoint)
    assert queue.claim() == []
    queue.database.write(upkeep.mend_queue)
    assert len(queue.claim()) == 1


def test_what_was_there_before_the_queue_is_sent_and_shown(databases: dict[str, str], queue: Queue) -> None:
    with _old_database(databases["webhooks"]) as old:
        Runner(old, str(MIGRATIONS)).up()
        ((sealed, version, hint),) = old.execute_sql("SELECT sealed, seal_version, hint FROM endpoint_secret")
        assert (bytes(sealed), version, hint) == (b"sealed", 7, "whsec_…abcd")
        rows = old.execute_sql("SELECT id, number, error, start_time FROM attempt")
        assert [row[:3] for row in rows] == [("att_1", 1, "timeout: no answer")]
        ((error,),) = old.execute_sql("SELECT last_error FROM delivery WHERE id = 'dlv_1'")
        assert error == "timeout: no answer"
        ((is_due,),) = old.execute_sql("SELECT next_due <= now() FROM endpoint_queue WHERE endpoint_id = 'whe_1'")
        assert is_due


_OLD = """
INSERT INTO endpoint VALUES ('whe_1', 'st_1', 'http://x/', '', '{}', 'enabled', '', 'sealed', 7, 'whsec_…abcd', NULL,
    now() - interval '60 days', NULL);
INSERT INTO event VALUES ('evt_1', 'st_1', 'product.created', '{}', now() - interval '50 days');
INSERT INTO delivery VALUES ('dlv_1', 'st_1', 'whe_1', 'evt_1', 'product.created', 'pending', 1, 0,
    now() - interval '50 days', now(), NULL);
INSERT INTO attempt VALUES ('att_1', 'dlv_1', 1, now() - interval '50 days', 15000, 0, 'timeout: no answer', '');
INSERT INTO due VALUES ('dlv_1', 'whe_1', now(), NULL);
"""


class _old_database:  # noqa: N801 - used as a function
    """A database as it was before the queue, with one of everything in it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._name = "before_the_queue"

    def __enter__(self) -> peewee.PostgresqlDatabase:
        self._run(sql.SQL("CREATE DATABASE {}"))
        parts = parse_dsn(make_dsn(self._url, dbname=self._name))
        self._handle = peewee.PostgresqlDatabase(parts.pop("dbname"), **parts)
        self._handle.connect()
        Runner(self._handle, str(MIGRATIONS)).up(target="0001_webhooks")
        self._handle.execute_sql(_OLD)
        return self._handle

    def __exit__(self, *_exception: object) -> None:
        self._handle.close()
        self._run(sql.SQL("DROP DATABASE {}"))

    def _run(self, statement: sql.SQL) -> None:
        connection = psycopg2.connect(self._url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement.format(sql.Identifier(self._name)))
        connection.close()


def test_the_oldest_ids_of_a_moment_begin_as_ulids_do() -> None:
    assert upkeep._ulid_floor(datetime(2016, 7, 30, 23, 54, 10, 259000, tzinfo=UTC)) == "01ARZ3NDEK"
    assert Path(MIGRATIONS).is_dir()
