"""What became of deliveries, recorded in one statement.

It counts only where the row of `due` still carries the claim's token, so a worker that comes too late cannot end the
work of another. The same statement keeps the endpoint's row: its concurrency, its breaker, how it does. It locks first
what is due, then the endpoints, each in one order, so that two writers cannot wait for each other; a claim waits for
nobody.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from operator import itemgetter
from typing import Any, NamedTuple

from services.webhooks import breaker, endpoints, queries
from services.webhooks.models import handle
from services.webhooks.worker.prepared import Prepared


class Sign(StrEnum):
    """What an attempt says of its endpoint."""

    SUCCESS = "success"
    FAILURE = "failure"
    CONGESTION = "congestion"
    """A failure that asks for less at a time: a timeout, 5xx, 429."""
    NONE = "none"
    """Nothing: it was not sent, for a reason of our own."""


class Result(NamedTuple):
    """What became of a job, as the database takes it."""

    delivery_id: str
    lease_token: str
    state: str
    """'succeeded', 'dead', 'cancelled', or 'pending': to be tried again."""
    delay_seconds: float | None
    """Until the next try; None unless 'pending'."""
    attempt_id: str | None
    """None if nothing was sent."""
    attempt_number: int
    begin: float
    """When the attempt began, by time.monotonic: wall clocks may jump."""
    latency_ms: int
    status_code: int
    error: str
    """Why no answer came; empty: one did."""
    problem: str
    """Why the delivery failed, in plain words; empty: it did not."""
    response_headers: dict[str, str]
    response_body: bytes
    remote_address: str
    signed: str
    """The headers that signed it, as `signing.compact` has them; empty: it was not sent."""
    sign: Sign


_COMPLETE_TEXT = """
WITH result AS (
    -- What a row does not say is nothing: most deliveries succeed and have little to tell.
    SELECT position, delivery_id, lease_token, state, delay, attempt_id, number, age, latency_ms, status_code,
        coalesce(error, '') AS error, coalesce(problem, '') AS problem,
        coalesce(response_headers, '{}') AS response_headers, coalesce(response_body, '') AS response_body,
        coalesce(remote_address, '') AS remote_address, coalesce(signed, '') AS signed, sign
    FROM json_to_recordset(%(results)s) AS result (position integer, delivery_id text, lease_token uuid, state text,
        delay float8, attempt_id text, number integer, age float8, latency_ms integer, status_code integer, error text,
        problem text, response_headers jsonb, response_body bytea, remote_address text, signed text, sign text)
), ended AS (
    -- The rows come in the order of their ids.
    DELETE FROM due USING result
    WHERE due.delivery_id = result.delivery_id AND due.lease_token = result.lease_token AND delay IS NULL
    RETURNING result.*, due.endpoint_id
), postponed AS (
    UPDATE due SET due_time = now() + make_interval(secs => delay), lease_token = NULL, by_hand = false, event_id = NULL
    FROM result
    WHERE due.delivery_id = result.delivery_id AND due.lease_token = result.lease_token AND delay IS NOT NULL
    RETURNING result.*, due.endpoint_id
), ours AS MATERIALIZED (
    SELECT * FROM ended UNION ALL SELECT * FROM postponed
), logged AS (
    INSERT INTO attempt (id, delivery_id, number, start_time, latency_ms, status_code, error, response_headers,
        response_body, remote_address, signed)
    SELECT attempt_id, delivery_id, number, now() - make_interval(secs => age), latency_ms, status_code, error,
        response_headers, response_body, remote_address, signed
    FROM ours WHERE attempt_id IS NOT NULL RETURNING 1
), updated AS (
    UPDATE delivery SET
        state = ours.state,
        attempt_count = CASE WHEN attempt_id IS NULL THEN attempt_count ELSE ours.number END,
        last_status_code = CASE WHEN attempt_id IS NULL THEN last_status_code ELSE ours.status_code END,
        last_error = CASE WHEN attempt_id IS NULL THEN last_error ELSE ours.problem END,
        next_attempt_time = now() + make_interval(secs => ours.delay),
        finish_time = CASE WHEN ours.delay IS NULL THEN now() END
    FROM ours WHERE delivery.id = ours.delivery_id RETURNING 1
), tally AS (
    SELECT endpoint_id, min(delay) AS soonest, bool_or(sign = 'congestion') AS is_congested,
        count(*) FILTER (WHERE sign = 'success') AS successes,
        count(*) FILTER (WHERE sign IN ('failure', 'congestion')) AS failures,
        count(*) FILTER (WHERE sign IN ('failure', 'congestion') AND position > last_success) AS failures_after,
        max(ARRAY[to_char(position, '0000000'), problem]) FILTER (WHERE sign IN ('failure', 'congestion')) AS last
    FROM (SELECT *, max(position) FILTER (WHERE sign = 'success') OVER (PARTITION BY endpoint_id) AS last_success
          FROM ours) AS ours
    GROUP BY endpoint_id
), standing AS MATERIALIZED (
    SELECT tally.*, queue.concurrency, queue.failing_since, queue.pause_count, queue.paused_until,
        CASE WHEN successes > 0 THEN failures_after ELSE queue.failure_count + failures END AS failure_count,
        coalesce(nullif(endpoint.max_concurrency, 0), %(max_concurrency)s) AS max_concurrency
    FROM endpoint_queue AS queue
    JOIN tally ON tally.endpoint_id = queue.endpoint_id
    JOIN endpoint ON endpoint.id = queue.endpoint_id
    ORDER BY queue.endpoint_id FOR UPDATE OF queue
), judged AS (
    SELECT *,
        -- What was under way when the pause began says nothing new; only a probe does.
        failures > 0 AND failure_count >= %(trip_after)s AND coalesce(paused_until <= now(), true) AS trips,
        failures = 0 AND successes = 0 AS says_nothing
    FROM standing
), kept AS (
    UPDATE endpoint_queue AS queue SET
        version = queue.version + 1,
        -- Its tokens are counted at each claim. Should the clock have been put back since, the pace is all it waits.
        next_due = least(queue.next_due, now() + make_interval(secs => judged.soonest), CASE WHEN queue.is_held THEN
            least(greatest(now(), queue.tokens_time + make_interval(secs => %(pace)s)),
                now() + make_interval(secs => %(pace)s)) END),
        is_held = false,
        concurrency = CASE
            WHEN is_congested THEN greatest(1, queue.concurrency * %(decrease)s)
            ELSE greatest(1, least(max_concurrency, queue.concurrency + successes / queue.concurrency)) END,
        failure_count = judged.failure_count,
        failing_since = CASE WHEN says_nothing THEN queue.failing_since
            WHEN judged.failure_count = 0 THEN NULL
            WHEN successes > 0 THEN now() ELSE coalesce(queue.failing_since, now()) END,
        pause_count = CASE WHEN successes > 0 THEN 0 ELSE queue.pause_count END + trips::integer,
        paused_until = CASE
            WHEN trips THEN now() + make_interval(secs => (%(pauses)s)[least(
                CASE WHEN successes > 0 THEN 0 ELSE queue.pause_count END + 1, cardinality(%(pauses)s))])
            WHEN successes > 0 THEN NULL ELSE queue.paused_until END,
        last_success_time = CASE WHEN successes > 0 THEN now() ELSE queue.last_success_time END,
        last_failure_time = CASE WHEN failures > 0 THEN now() ELSE queue.last_failure_time END,
        last_error = CASE WHEN failures > 0 THEN left(last[2], 500) ELSE queue.last_error END
    FROM judged WHERE queue.endpoint_id = judged.endpoint_id RETURNING queue.next_due
)
-- One after the other, the endpoints last: claims pass by those that are locked.
SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM logged), (SELECT count(*) FROM updated),
    (SELECT extract(epoch FROM min(next_due) - now())::float8 FROM kept WHERE next_due < 'infinity')
"""
_VALUES = {
    "max_concurrency": breaker.DEFAULT_MAX_CONCURRENCY,
    "trip_after": breaker.TRIP_AFTER,
    "decrease": breaker.DECREASE,
    "pauses": list(breaker.PAUSE_SECONDS),
}
_COMPLETE = Prepared(
    "complete_due",
    _COMPLETE_TEXT,
    {
        "results": "json",
        "max_concurrency": "integer",
        "trip_after": "integer",
        "decrease": "float8",
        "pauses": "float8[]",
        "pace": "float8",
    },
)


@dataclass(frozen=True, slots=True)
class Completion:
    """What a completion has brought."""

    recorded: int
    """How many of the jobs were still ours."""
    again_seconds: float | None
    """When to look what is due to their endpoints; None: there is nothing."""


def is_one_statement(results: Sequence[Result], gone_endpoints: Sequence[str]) -> bool:
    """Whether `complete` does it in one statement, as where nothing is to be tried again: that needs no transaction."""
    return not gone_endpoints and all(result.state != "pending" for result in results)


def complete(
    results: Sequence[Result], gone_endpoints: Sequence[str], now: datetime, pace_seconds: float
) -> Completion:
    """Records what became of jobs and stops sending to endpoints that are gone.

    An endpoint with a backlog is next claimed for `pace_seconds` after its last claim at the earliest.

    Wants a transaction, unless it `is_one_statement`.
    """
    recorded = _record(results, pace_seconds) if results else Completion(0, None)
    for endpoint_id in gone_endpoints:
        endpoints.disable_gone_endpoint(endpoint_id, now)
    if any(result.state == "pending" for result in results):
        # What failed while its endpoint was deleted is not tried again.
        queries.cancel_unwanted([result.delivery_id for result in results], now)
    return recorded


def _record(results: Sequence[Result], pace_seconds: float) -> Completion:
    moment = time.monotonic()
    rows = [_row(position, result, moment) for position, result in enumerate(results)]
    rows.sort(key=itemgetter("delivery_id"))
    with handle.cursor() as cursor:
        _COMPLETE.execute(cursor, _VALUES | {"results": json.dumps(rows), "pace": pace_seconds})
        ((recorded, _, _, again),) = cursor.fetchall()
    return Completion(recorded, again)


def _row(position: int, result: Result, moment: float) -> dict[str, Any]:
    row = {
        "position": position,
        "delivery_id": result.delivery_id,
        "lease_token": result.lease_token,
        "state": result.state,
        "attempt_id": result.attempt_id,
        "number": result.attempt_number,
        "age": moment - result.begin,
        "latency_ms": result.latency_ms,
        "status_code": result.status_code,
        "sign": result.sign,
    }
    if result.delay_seconds is not None:
        row["delay"] = result.delay_seconds
    if result.error:
        row["error"] = result.error
    if result.problem:
        row["problem"] = result.problem
    if result.response_headers:
        row["response_headers"] = result.response_headers
    if result.response_body:
        row["response_body"] = "\\x" + result.response_body.hex()
    if result.remote_address:
        row["remote_address"] = result.remote_address
    if result.signed:
        row["signed"] = result.signed
    return row
