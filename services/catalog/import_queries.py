"""All SQL of imports. What it answers are frozen records."""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import Any

import peewee
import psycopg2
from psycopg2.extras import execute_values

from services.catalog.importing.wishes import RowProblem
from services.catalog.models import handle
from services.common.database import violated_constraint
from services.common.paging import Position

CHANNEL = "catalog_imports"
"""What PostgreSQL notifies when an import is queued."""
OPEN = ("uploading", "queued", "running")


@dataclass(frozen=True)
class Findings:
    """What was found out about a file."""

    format: str
    encoding: str
    delimiter: str
    columns: Sequence[Sequence[str]]
    """Pairs: a column as the file names it, and what it was taken for."""
    unused_columns: Sequence[str]
    samples: Sequence[Sequence[str]] = ()
    """What stands in the first rows, by column."""


@dataclass(frozen=True)
class Job:
    """An import as it is kept."""

    store_id: str
    id: str
    request_id: str | None
    display_name: str
    format: str
    """What was asked for: 'auto', 'sedifex', 'woocommerce' or 'shopify'."""
    dry_run: bool
    state: str
    create_time: datetime
    update_time: datetime
    size_bytes: int = 0
    total_row_count: int = 0
    wish_count: int = 0
    """How many wishes of the file have been dealt with."""
    row_count: int = 0
    created_count: int = 0
    updated_count: int = 0
    unchanged_count: int = 0
    invalid_count: int = 0
    problem_count: int = 0
    findings: Findings | None = None
    error: str = ""
    queue_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    lease_holder: str = ""
    attempt_count: int = 0
    """How often it was taken up since it last got any further."""


@dataclass(frozen=True)
class Progress:
    """What a batch adds to an import."""

    wishes: int
    last_row: int
    """Rows below the header up to which all has been dealt with."""
    created: int
    updated: int
    unchanged: int
    invalid: int
    problems: int


_COLUMNS = tuple(field.name for field in fields(Job))
_SELECT = ", ".join(_COLUMNS)
_FINDINGS = _COLUMNS.index("findings")


def insert_job(job: Job) -> None:
    """Adds an import; its content is to come."""
    names = ("store_id", "id", "request_id", "display_name", "format", "dry_run", "state", "create_time", "update_time")
    marks = ", ".join(["%s"] * len(names))
    statement = f"INSERT INTO import_job ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - our own names
    handle.execute_sql(statement, tuple(getattr(job, name) for name in names))


def find_job(store_id: str, import_id: str) -> Job | None:
    """The import of this id."""
    return _one("store_id = %s AND id = %s", (store_id, import_id))


def lock_job(store_id: str, import_id: str) -> Job | None:
    """The import of this id, locked until the transaction ends."""
    return _one("store_id = %s AND id = %s FOR UPDATE", (store_id, import_id))


def find_job_by_request(store_id: str, request_id: str) -> Job | None:
    """The import that this request has made."""
    return _one("store_id = %s AND request_id = %s", (store_id, request_id))


def count_open_jobs(store_id: str) -> int:
    """How many imports of the store have not ended."""
    statement = "SELECT count(*) FROM import_job WHERE store_id = %s AND state = ANY (%s)"
    return int(handle.execute_sql(statement, (store_id, list(OPEN))).fetchone()[0])


def list_jobs(store_id: str, after: Position | None, limit: int) -> list[Job]:
    """The imports of a store, newest first, from behind `after` ([id]) on."""
    condition, values = ("AND id < %s", [after[0]]) if after is not None else ("", [])
    statement = f"""
        SELECT {_SELECT} FROM import_job WHERE store_id = %s {condition} ORDER BY id DESC LIMIT %s
    """  # noqa: S608 - names of our own
    return [_job(row) for row in handle.execute_sql(statement, (store_id, *values, limit)).fetchall()]


def append_chunk(job: Job, content: bytes, now: datetime) -> None:
    """Adds a piece at the end of the content; the import must be locked."""
    handle.execute_sql(
        "INSERT INTO import_chunk (store_id, import_id, start_offset, content) VALUES (%s, %s, %s, %s)",
        (job.store_id, job.id, job.size_bytes, psycopg2.Binary(content)),
    )
    handle.execute_sql(
        "UPDATE import_job SET size_bytes = size_bytes + %s, update_time = %s WHERE store_id = %s AND id = %s",
        (len(content), now, job.store_id, job.id),
    )


def find_chunk(store_id: str, import_id: str, start_offset: int) -> bytes | None:
    """The piece that begins at this byte."""
    statement = "SELECT content FROM import_chunk WHERE store_id = %s AND import_id = %s AND start_offset = %s"
    row = handle.execute_sql(statement, (store_id, import_id, start_offset)).fetchone()
    return bytes(row[0]) if row else None


def queue_job(store_id: str, import_id: str, now: datetime) -> None:
    """Lets an import wait for its turn, and wakes the runners at the commit."""
    handle.execute_sql(
        "UPDATE import_job SET state = 'queued', queue_time = %s, update_time = %s WHERE store_id = %s AND id = %s",
        (now, now, store_id, import_id),
    )
    handle.execute_sql("SELECT pg_notify(%s, '')", (CHANNEL,))


def end_job(store_id: str, import_id: str, state: str, error: str, now: datetime) -> None:
    """Ends an import in this state; its content stays until it is let go."""
    statement = """
        UPDATE import_job SET state = %s, error = %s, end_time = %s, update_time = %s, lease_expire_time = '-infinity'
        WHERE store_id = %s AND id = %s
    """
    handle.execute_sql(statement, (state, error, now, now, store_id, import_id))


def delete_content(store_id: str, import_id: str) -> None:
    """Lets the content of an import go."""
    handle.execute_sql("DELETE FROM import_chunk WHERE store_id = %s AND import_id = %s", (store_id, import_id))


def delete_older_content(store_id: str, import_id: str) -> None:
    """Lets the content go that other imports of the store have kept beyond their end."""
    statement = """
        DELETE FROM import_chunk USING import_job AS job
        WHERE import_chunk.store_id = %s AND import_id <> %s AND job.end_time IS NOT NULL
            AND (job.store_id, job.id) = (import_chunk.store_id, import_id)
    """
    handle.execute_sql(statement, (store_id, import_id))


def delete_kept_content(before: datetime) -> None:
    """Lets the content go of imports that ended before this moment."""
    statement = """
        DELETE FROM import_chunk USING import_job AS job
        WHERE (job.store_id, job.id) = (import_chunk.store_id, import_id) AND job.end_time < %s
    """
    handle.execute_sql(statement, (before,))


def move_content(source: Job, import_id: str) -> bool:
    """Gives the content of one import to another one of the store; False: there is none any more."""
    statement = "UPDATE import_chunk SET import_id = %s WHERE store_id = %s AND import_id = %s"
    if not handle.execute_sql(statement, (import_id, source.store_id, source.id)).rowcount:
        return False
    statement = "UPDATE import_job SET size_bytes = %s WHERE store_id = %s AND id = %s"
    handle.execute_sql(statement, (source.size_bytes, source.store_id, import_id))
    return True


def claim_job(holder: str, seconds: float, now: datetime) -> Job | None:
    """Takes up the import that has waited longest, or one whose runner has not been heard of: for so long at first, by
    the database's clock. One import of a store at a time."""
    statement = f"""
        UPDATE import_job SET state = 'running', start_time = coalesce(start_time, %(now)s), lease_holder = %(holder)s,
            lease_expire_time = now() + make_interval(secs => %(seconds)s), attempt_count = attempt_count + 1
        WHERE (store_id, id) = (
            SELECT store_id, id FROM import_job AS waiting
            WHERE (state = 'running' AND lease_expire_time < now())
                OR (state = 'queued' AND NOT EXISTS (
                    SELECT FROM import_job AS other
                    WHERE other.store_id = waiting.store_id AND other.state = 'running'))
            ORDER BY queue_time LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING {_SELECT}
    """  # noqa: S608 - names of our own
    try:
        row = handle.execute_sql(statement, {"now": now, "holder": holder, "seconds": seconds}).fetchone()
    except peewee.IntegrityError as failure:
        if violated_constraint(failure) == "import_job_running":
            return None  # another runner has just taken up one of the same store
        raise
    return _job(row) if row else None


def extend_lease(job: Job, seconds: float) -> bool:
    """Keeps the import for so long from now on; False: it is this holder's no more."""
    statement = """
        UPDATE import_job SET lease_expire_time = now() + make_interval(secs => %s)
        WHERE store_id = %s AND id = %s AND state = 'running' AND lease_holder = %s
    """
    return bool(handle.execute_sql(statement, (seconds, job.store_id, job.id, job.lease_holder)).rowcount)


def give_up_lease(job: Job) -> None:
    """Lets another runner go on with the import at once."""
    statement = """
        UPDATE import_job SET lease_expire_time = '-infinity', lease_holder = ''
        WHERE store_id = %s AND id = %s AND state = 'running' AND lease_holder = %s
    """
    handle.execute_sql(statement, (job.store_id, job.id, job.lease_holder))
    handle.execute_sql("SELECT pg_notify(%s, '')", (CHANNEL,))


def save_findings(job: Job, findings: Findings, total_rows: int) -> None:
    """Keeps what was found out about the file."""
    handle.execute_sql(
        "UPDATE import_job SET findings = %s, total_row_count = %s WHERE store_id = %s AND id = %s",
        (json.dumps(findings.__dict__), total_rows, job.store_id, job.id),
    )


def save_progress(job: Job, progress: Progress, seconds: float, now: datetime) -> None:
    """Adds a batch to what has been dealt with, and keeps the lease for so long; the import must be locked."""
    statement = """
        UPDATE import_job SET wish_count = wish_count + %s, row_count = greatest(row_count, %s),
            created_count = created_count + %s, updated_count = updated_count + %s,
            unchanged_count = unchanged_count + %s, invalid_count = invalid_count + %s,
            problem_count = problem_count + %s, update_time = %s, attempt_count = 0,
            lease_expire_time = now() + make_interval(secs => %s)
        WHERE store_id = %s AND id = %s
    """
    handle.execute_sql(statement, (*astuple(progress), now, seconds, job.store_id, job.id))


def insert_problems(job: Job, first: int, problems: Sequence[RowProblem]) -> None:
    """Keeps problems under the numbers from `first` on."""
    if not problems:
        return
    rows = [
        (job.store_id, job.id, number, each.row, each.column, each.value, each.description)
        for number, each in enumerate(problems, start=first)
    ]
    statement = """
        INSERT INTO import_problem (store_id, import_id, number, row_number, column_name, value, description) VALUES %s
    """
    with handle.cursor() as cursor:
        execute_values(cursor, statement, rows, page_size=len(rows))


def list_problems(store_id: str, import_id: str, after: int, limit: int) -> list[tuple[int, RowProblem]]:
    """Problems of an import by their numbers, from behind `after` on."""
    statement = """
        SELECT number, row_number, column_name, value, description FROM import_problem
        WHERE store_id = %s AND import_id = %s AND number > %s ORDER BY number LIMIT %s
    """
    rows = handle.execute_sql(statement, (store_id, import_id, after, limit)).fetchall()
    return [(row[0], RowProblem(*row[1:])) for row in rows]


def end_abandoned_uploads(before: datetime, error: str, now: datetime) -> None:
    """Ends imports whose content has not grown since this moment."""
    statement = """
        WITH ended AS (
            UPDATE import_job SET state = 'cancelled', error = %s, end_time = %s, update_time = %s
            WHERE state = 'uploading' AND update_time < %s RETURNING store_id, id
        )
        DELETE FROM import_chunk USING ended WHERE (import_chunk.store_id, import_id) = (ended.store_id, ended.id)
    """
    handle.execute_sql(statement, (error, now, now, before))


def forget_jobs(before: datetime, limit: int) -> None:
    """Removes imports that ended before this moment, some at a time, with their problems."""
    statement = """
        DELETE FROM import_job WHERE (store_id, id) IN (
            SELECT store_id, id FROM import_job WHERE end_time < %s ORDER BY end_time LIMIT %s)
    """
    handle.execute_sql(statement, (before, limit))


def _one(condition: str, values: tuple[Any, ...]) -> Job | None:
    statement = f"SELECT {_SELECT} FROM import_job WHERE {condition}"  # noqa: S608 - conditions of our own
    row = handle.execute_sql(statement, values).fetchone()
    return _job(row) if row else None


def _job(row: Sequence[Any]) -> Job:
    values = list(row)
    values[_FINDINGS] = Findings(**row[_FINDINGS]) if row[_FINDINGS] else None
    return Job(*values)
