"""The queue of what is due: claimed in one statement, completed in one statement.

A claim moves each row's `due_time` to the end of its lease and marks the row with a token of the claim. If the worker
dies, the row simply becomes due again. A completion counts only where the row still carries the token, so a worker that
comes too late cannot end the work of another. All times here are the database's: workers' clocks may differ.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2.extras import execute_values, register_uuid

from services.common.vault import Sealed
from services.webhooks import endpoints, queries
from services.webhooks.models import handle

register_uuid()


@dataclass(frozen=True, slots=True)
class Job:
    """A delivery that this worker has under lease, with all that it takes to send it."""

    delivery_id: str
    lease_token: UUID
    attempt_number: int
    endpoint_id: str
    is_wanted: bool
    """False if the endpoint has been disabled or deleted since: nothing is sent."""
    url: str
    secret: Sealed
    event_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a job, as the database takes it."""

    delivery_id: str
    lease_token: UUID
    state: str
    """'succeeded', 'dead', 'cancelled', or 'pending': to be tried again."""
    delay_seconds: float | None
    """Until the next try; None unless 'pending'."""
    attempt_id: str | None
    """None if nothing was sent."""
    attempt_number: int
    start_time: datetime | None
    latency_ms: int
    status_code: int
    error: str
    response_body: bytes


_CLAIM = """
WITH picked AS (
    SELECT delivery_id FROM due WHERE due_time <= now() ORDER BY due_time LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), leased AS (
    UPDATE due SET due_time = now() + make_interval(secs => %(lease)s), lease_token = %(token)s
    FROM picked WHERE due.delivery_id = picked.delivery_id RETURNING due.delivery_id
)
SELECT delivery.id, delivery.attempt_count + 1, endpoint.id,
       endpoint.state = 'enabled' AND endpoint.delete_time IS NULL,
       endpoint.url, endpoint.sealed_secret, endpoint.seal_version, event.id, event.body
FROM leased
JOIN delivery ON delivery.id = leased.delivery_id
JOIN endpoint ON endpoint.id = delivery.endpoint_id
JOIN event ON event.id = delivery.event_id
"""

_COMPLETE = """
WITH result (delivery_id, lease_token, state, delay, attempt_id, number, start_time, latency_ms, status_code, error,
             response_body) AS (VALUES %s),
-- In one order everywhere, so that two writers cannot wait for each other.
held AS (
    SELECT due.delivery_id, due.lease_token FROM due JOIN result USING (delivery_id, lease_token)
    ORDER BY due.delivery_id FOR UPDATE OF due
), ours AS (
    SELECT result.* FROM result JOIN held USING (delivery_id, lease_token)
), ended AS (
    DELETE FROM due USING ours WHERE due.delivery_id = ours.delivery_id AND ours.delay IS NULL
), postponed AS (
    UPDATE due SET due_time = now() + make_interval(secs => ours.delay), lease_token = NULL FROM ours
    WHERE due.delivery_id = ours.delivery_id AND ours.delay IS NOT NULL
), logged AS (
    INSERT INTO attempt (id, delivery_id, number, start_time, latency_ms, status_code, error, response_body)
    SELECT attempt_id, delivery_id, number, start_time, latency_ms, status_code, error, response_body
    FROM ours WHERE attempt_id IS NOT NULL
)
UPDATE delivery SET
    state = ours.state,
    attempt_count = CASE WHEN ours.attempt_id IS NULL THEN attempt_count ELSE ours.number END,
    last_status_code = CASE WHEN ours.attempt_id IS NULL THEN last_status_code ELSE ours.status_code END,
    next_attempt_time = now() + make_interval(secs => ours.delay),
    finish_time = CASE WHEN ours.delay IS NULL THEN now() END
FROM ours WHERE delivery.id = ours.delivery_id
RETURNING delivery.id
"""
_RESULT_TYPES = "(%s, %s::uuid, %s, %s::float8, %s, %s, %s::timestamptz, %s, %s, %s, %s)"

_RELEASE = "UPDATE due SET due_time = now(), lease_token = NULL WHERE lease_token = ANY (%(tokens)s)"


def claim(token: UUID, limit: int, lease_seconds: float) -> list[Job]:
    """Takes up to `limit` of what is due, longest due first, for `lease_seconds`."""
    with handle.cursor() as cursor:
        cursor.execute(_CLAIM, {"token": token, "limit": limit, "lease": lease_seconds})
        return [_job(token, row) for row in cursor.fetchall()]


def complete(results: Sequence[Result], gone_endpoints: Sequence[str], now: datetime) -> int:
    """Records what became of jobs and stops sending to endpoints that are gone; says how many jobs were still ours.

    Wants a transaction.
    """
    if results:
        rows = [astuple(result) for result in results]
        with handle.cursor() as cursor:
            recorded = execute_values(cursor, _COMPLETE, rows, template=_RESULT_TYPES, page_size=len(rows), fetch=True)
    else:
        recorded = []
    for endpoint_id in gone_endpoints:
        endpoints.disable_gone_endpoint(endpoint_id, now)
    if any(result.state == "pending" for result in results):
        # What failed while its endpoint was disabled or deleted is not tried again.
        queries.cancel_unwanted([result.delivery_id for result in results], now)
    return len(recorded)


def release(tokens: Sequence[UUID]) -> None:
    """Gives back what these claims took and nobody completed, for other workers to take at once."""
    with handle.cursor() as cursor:
        cursor.execute(_RELEASE, {"tokens": list(tokens)})


def _job(token: UUID, row: tuple[Any, ...]) -> Job:
    delivery_id, number, endpoint_id, is_wanted, url, sealed, version, event_id, body = row
    secret = Sealed(bytes(sealed), version)
    return Job(delivery_id, token, number, endpoint_id, is_wanted, url, secret, event_id, bytes(body))


assert len(fields(Result)) == _RESULT_TYPES.count("%s")  # noqa: S101 - the statement's columns are the record's fields
