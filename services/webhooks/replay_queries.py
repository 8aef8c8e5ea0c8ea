"""The SQL of replays. It answers frozen records, no peewee models."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from services.common.paging import Position
from services.webhooks.event_queries import Event
from services.webhooks.models import handle


@dataclass(frozen=True)
class Replay:
    """A replay as it is kept."""

    id: str
    store_id: str
    endpoint_id: str | None
    """None: every enabled endpoint of the store."""
    states: tuple[str, ...]
    event_types: tuple[str, ...]
    """Empty: those that an endpoint has asked for."""
    start_time: datetime
    end_time: datetime
    creator: str
    state: str
    """'running', 'succeeded' or 'cancelled'."""
    progress_time: datetime
    """Up to where events have been looked at: the create_time and the id of the last one."""
    progress_event: str
    examined_count: int
    delivery_count: int
    create_time: datetime
    finish_time: datetime | None
    succeeded_count: int = 0
    """Worked out when it is read."""


_KEPT = [field.name for field in fields(Replay) if field.name != "succeeded_count"]
_COLUMNS = ", ".join(_KEPT)
# What has been made due is still to be sent, or has ended without success, or has succeeded.
_WITH_COUNT = f"""
    SELECT {_COLUMNS}, delivery_count
        - (SELECT count(*) FROM due WHERE due.replay_id = replay.id)
        - (SELECT count(*) FROM delivery_mark AS marked
           WHERE marked.replay_id = replay.id AND mark IN ('dead', 'cancelled', 'coalesced'))
    FROM replay
"""  # noqa: S608 - names of our own


def insert_replay(replay: Replay, request_id: str | None) -> bool:
    """Adds a replay; False, and nothing added, if one runs to the same endpoint or this request has made one."""
    values = [getattr(replay, name) for name in _KEPT]
    given = [list(each) if isinstance(each, tuple) else each for each in values]
    statement = f"""
        INSERT INTO replay ({_COLUMNS}, request_id) VALUES ({", ".join(["%s"] * len(given))}, %s)
        ON CONFLICT DO NOTHING RETURNING id
    """  # noqa: S608 - names of our own
    return handle.execute_sql(statement, (*given, request_id)).fetchone() is not None


def find_replay(store_id: str, replay_id: str) -> Replay | None:
    """The replay of this id, if it is this store's."""
    return _one(f"{_WITH_COUNT} WHERE store_id = %s AND id = %s", store_id, replay_id)


def find_replay_by_request(store_id: str, request_id: str) -> Replay | None:
    """The replay that this request has made."""
    return _one(f"{_WITH_COUNT} WHERE store_id = %s AND request_id = %s", store_id, request_id)


def list_replays(store_id: str, after: Position | None, limit: int) -> list[Replay]:
    """The store's replays, newest first, from behind `after` ([id]) on."""
    behind = "AND id < %s" if after is not None else ""
    statement = f"{_WITH_COUNT} WHERE store_id = %s {behind} ORDER BY id DESC LIMIT %s"
    return [_replay(row) for row in handle.execute_sql(statement, (store_id, *(after or ()), limit)).fetchall()]


def count_running(store_id: str) -> int:
    """How many replays of a store go on."""
    statement = "SELECT count(*) FROM replay WHERE store_id = %s AND state = 'running'"
    return int(handle.execute_sql(statement, (store_id,)).fetchone()[0])


def lock_replay(store_id: str, replay_id: str) -> Replay | None:
    """The replay of this id, once nobody is at work on it, and kept so until the commit."""
    statement = f"SELECT {_COLUMNS} FROM replay WHERE store_id = %s AND id = %s FOR UPDATE"  # noqa: S608 - our own names
    return _one(statement, store_id, replay_id)


def lock_next() -> Replay | None:
    """The replay that has waited longest to go on, and that nobody else is at work on."""
    return _one(
        f"SELECT {_COLUMNS} FROM replay WHERE state = 'running' AND next_run_time <= now()"  # noqa: S608 - our own names
        " ORDER BY next_run_time LIMIT 1 FOR UPDATE SKIP LOCKED"
    )


def postpone(replay_id: str, seconds: float) -> None:
    """Lets a replay wait before it goes on."""
    statement = "UPDATE replay SET next_run_time = now() + make_interval(secs => %s) WHERE id = %s"
    handle.execute_sql(statement, (seconds, replay_id))


def save_progress(replay: Replay) -> None:
    """Writes how far a replay has got, and lets the others go first."""
    handle.execute_sql(
        "UPDATE replay SET state = %s, progress_time = %s, progress_event = %s, examined_count = %s,"
        " delivery_count = %s, finish_time = %s, next_run_time = clock_timestamp() WHERE id = %s",
        (
            replay.state,
            replay.progress_time,
            replay.progress_event,
            replay.examined_count,
            replay.delivery_count,
            replay.finish_time,
            replay.id,
        ),
    )


def count_outstanding(replay_id: str, limit: int) -> int:
    """How many deliveries of a replay are still to be sent; at most `limit`."""
    statement = "SELECT count(*) FROM (SELECT 1 FROM due WHERE replay_id = %s LIMIT %s) AS outstanding"
    return int(handle.execute_sql(statement, (replay_id, limit)).fetchone()[0])


def list_events(replay: Replay, limit: int) -> list[Event]:
    """The next events for a replay to look at, in the order of their publishing; without their bodies."""
    statement = """
        SELECT id, store_id, type, product_id, create_time FROM event
        WHERE store_id = %s AND (create_time, id) > (%s, %s) AND create_time < %s
        ORDER BY create_time, id LIMIT %s
    """
    given = (replay.store_id, replay.progress_time, replay.progress_event, replay.end_time, limit)
    rows = handle.execute_sql(statement, given).fetchall()
    return [Event(event_id, store, kind, product, b"", time) for event_id, store, kind, product, time in rows]


def last_states(event_ids: Sequence[str], endpoint_ids: Sequence[str]) -> dict[tuple[str, str], str]:
    """The state of the newest delivery of each of these events to each of these endpoints, where there is one."""
    statement = """
        SELECT DISTINCT ON (event_id, endpoint_id) event_id, endpoint_id, state FROM delivery
        WHERE event_id = ANY (%s) AND endpoint_id = ANY (%s) ORDER BY event_id, endpoint_id, id DESC
    """
    rows = handle.execute_sql(statement, (list(event_ids), list(endpoint_ids))).fetchall()
    return {(event_id, endpoint_id): state for event_id, endpoint_id, state in rows}


def _one(statement: str, *values: object) -> Replay | None:
    row = handle.execute_sql(statement, values).fetchone()
    return _replay(row) if row else None


def _replay(row: tuple[Any, ...]) -> Replay:
    values: list[Any] = [tuple(value) if isinstance(value, list) else value for value in row]
    return Replay(*values)
