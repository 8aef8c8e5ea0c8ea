"""The queue of what is due, claimed fairly in one statement.

Every endpoint has a row that tells when to look for what is due to it (`endpoint_queue.next_due`); what has become due
since, a nudge tells of. A claim locks the rows that are longest due, takes from each what its concurrency, its rate and
this worker's slots leave room for, in turn, and moves the row behind the others: whoever has a backlog of a million
gets no more of a claim than whoever has one delivery. It moves each delivery's `due_time` to the end of a lease and
marks it with a token of the claim. If the worker dies, the delivery simply becomes due again, before all that waited
behind it. How many an endpoint has in flight is counted from those leases, by all workers alike, so that a worker that
is killed can leave no count behind.

A statement sees the database as of its beginning. A row that was changed between then and its lock, by another worker,
is left for the next claim, which this one asks for: what was read of it would be older than the lock, and would exceed
a limit or lose a wake-up. A nudge is taken away only by a statement that sees it, and so what it tells of.

All times here are the database's: workers' clocks may differ, or jump.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from services.common.vault import Sealed
from services.webhooks import breaker
from services.webhooks.models import handle
from services.webhooks.worker.prepared import Prepared

MAX_ENDPOINTS = 64
"""How many endpoints a claim looks at."""
LOOK_AGAIN_S = 0.1
"""How soon an endpoint is looked at again that this worker, not the endpoint, had no room for."""
MAX_SLEEP_S = 3600.0


class Receiver(NamedTuple):
    """An endpoint, as a claim has found it."""

    id: str
    is_wanted: bool
    """False if it has been deleted since: nothing is sent."""
    is_proven: bool
    """It is known to be well."""
    url: str
    secrets: tuple[Sealed, ...]
    """Every secret that signs now, the newest first."""


class Job(NamedTuple):
    """A delivery that this worker has under lease, with all that it takes to send it."""

    delivery_id: str
    lease_token: str
    """Of the claim: a UUID, that nobody else has."""
    attempt_number: int
    receiver: Receiver
    event_id: str
    event_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Busy:
    """What an endpoint keeps of this worker at present."""

    endpoint_id: str
    in_flight: int
    is_slow: bool
    """It has kept a request open for long."""


@dataclass(frozen=True, slots=True)
class Room:
    """What this worker has room for."""

    total: int
    each: int
    """For one endpoint, what it has in flight included."""
    unproven: int
    """For all endpoints together that are not known to be well, beside what they have in flight."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim has brought."""

    jobs: list[Job]
    again_seconds: float
    """When to claim again, unless somebody gives notice first; zero: there may be more."""
    is_partial: bool
    """Some endpoints were left: others have their locks, or it was too many."""
    database_time: float
    """Unix time, as the database has it."""


_CLAIM_TEXT = """
WITH busy (endpoint_id, in_flight, is_slow) AS (
    SELECT * FROM unnest(%(busy)s::text[], %(in_flight)s::integer[], %(slow)s::boolean[])
), nudged AS MATERIALIZED (
    SELECT DISTINCT endpoint_id FROM (
        SELECT endpoint_id FROM endpoint_nudge ORDER BY id LIMIT 4 * %(endpoints)s
    ) AS first LIMIT %(endpoints)s
), candidate AS MATERIALIZED (
    (SELECT endpoint_id FROM endpoint_queue WHERE NOT %(nudged_only)s AND next_due <= now()
     ORDER BY next_due LIMIT %(endpoints)s)
    UNION SELECT endpoint_id FROM nudged
), picked AS MATERIALIZED (
    SELECT queue.* FROM candidate JOIN endpoint_queue AS queue ON queue.endpoint_id = candidate.endpoint_id
    FOR UPDATE OF queue SKIP LOCKED
), state AS MATERIALIZED (
    SELECT picked.endpoint_id, picked.next_due, picked.paused_until, endpoint.url,
        endpoint.delete_time IS NOT NULL AS is_deleted,
        endpoint.delete_time IS NOT NULL
            OR (endpoint.state = 'enabled' AND coalesce(picked.paused_until <= now(), true)) AS flows,
        endpoint.state = 'disabled' AS is_disabled,
        picked.failure_count = 0 AND picked.last_success_time IS NOT NULL
            AND NOT coalesce(busy.is_slow, false) AS is_proven,
        endpoint.rate_limit_per_second AS rate, bucket.capacity, bucket.tokens,
        leased.first_end,
        CASE WHEN picked.paused_until IS NOT NULL THEN 1
             ELSE floor(least(picked.concurrency, coalesce(nullif(endpoint.max_concurrency, 0), %(concurrency)s)))
        END - leased.count AS own_room,
        %(each)s - coalesce(busy.in_flight, 0) AS worker_room
    FROM picked
    JOIN endpoint_queue AS seen ON seen.endpoint_id = picked.endpoint_id AND seen.version = picked.version
    JOIN endpoint ON endpoint.id = picked.endpoint_id
    LEFT JOIN busy ON busy.endpoint_id = picked.endpoint_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS count, min(due_time) AS first_end FROM due
        WHERE due.endpoint_id = picked.endpoint_id AND lease_token IS NOT NULL AND due_time > now()
    ) AS leased
    CROSS JOIN LATERAL (
        SELECT capacity, least(capacity, picked.tokens + greatest(0, endpoint.rate_limit_per_second
            * extract(epoch FROM now() - picked.tokens_time)::float8)) AS tokens
        FROM (SELECT greatest(1, endpoint.rate_limit_per_second * %(burst)s::float8) AS capacity) AS size
    ) AS bucket
), heard AS (
    -- Those only that this statement sees: what they tell of, it sees too.
    DELETE FROM endpoint_nudge WHERE endpoint_id IN (SELECT endpoint_id FROM state)
), bound AS MATERIALIZED (
    SELECT *,
        CASE WHEN is_deleted THEN %(total)s ELSE
            greatest(0, least(own_room, worker_room, CASE WHEN rate > 0 THEN floor(tokens) END)) END::bigint AS room,
        ceil(greatest(4, 1.25 * %(total)s / count(*) OVER ()))::bigint AS quota
    FROM state
), found AS MATERIALIZED (
    SELECT bound.endpoint_id, bound.next_due, bound.is_proven, due.place_in_table,
        row_number() OVER (PARTITION BY bound.endpoint_id ORDER BY due.order_time) AS place
    FROM bound CROSS JOIN LATERAL (
        (SELECT * FROM (
            -- What a worker had and lost: it was due before all that has waited since.
            (SELECT ctid AS place_in_table, '-infinity'::timestamptz AS order_time FROM due
             WHERE bound.flows AND due.endpoint_id = bound.endpoint_id AND lease_token IS NOT NULL AND due_time <= now()
             ORDER BY due_time LIMIT least(bound.room, bound.quota))
            UNION ALL
            (SELECT ctid, due_time FROM due
             WHERE bound.flows AND due.endpoint_id = bound.endpoint_id AND lease_token IS NULL AND due_time <= now()
             ORDER BY due_time LIMIT least(bound.room, bound.quota))
        ) AS flowing LIMIT least(bound.room, bound.quota))
        UNION ALL
        (SELECT ctid, due_time FROM due
         WHERE NOT bound.flows AND due.endpoint_id = bound.endpoint_id AND by_hand AND due_time <= now()
         LIMIT bound.quota)
    ) AS due
), chosen AS (
    -- In turn: everybody's first, then everybody's second.
    SELECT place_in_table FROM (
        SELECT *, row_number() OVER (PARTITION BY is_proven ORDER BY place, next_due) AS turn FROM found
    ) AS ranked
    WHERE is_proven OR turn <= %(unproven)s ORDER BY place, next_due LIMIT %(total)s
), held AS MATERIALIZED (
    -- A lease that has run out may be completed at this very moment: that one has the lock, and goes first.
    SELECT due.ctid AS place_in_table FROM due JOIN chosen ON due.ctid = chosen.place_in_table
    WHERE due.due_time <= now() FOR UPDATE OF due SKIP LOCKED
), leased AS (
    UPDATE due SET due_time = now() + make_interval(secs => %(lease)s), lease_token = %(token)s
    FROM held WHERE due.ctid = held.place_in_table RETURNING due.delivery_id, due.endpoint_id, due.event_id
), taken AS MATERIALIZED (
    SELECT bound.*, counted.found, counted.taken, sum(CASE WHEN NOT is_proven THEN found END) OVER () AS unproven
    FROM (
        SELECT endpoint_id, sum(found) AS found, sum(taken) AS taken FROM (
            SELECT endpoint_id, 0 AS found, 0 AS taken FROM bound
            UNION ALL SELECT endpoint_id, 1, 0 FROM found
            UNION ALL SELECT endpoint_id, 0, 1 FROM leased
        ) AS each GROUP BY endpoint_id
    ) AS counted JOIN bound ON bound.endpoint_id = counted.endpoint_id
), next AS MATERIALIZED (
    SELECT endpoint_id, taken,
        -- Something is due that a completion would make room for.
        flows AND (taken < found OR found >= room) AS is_held,
        CASE
            WHEN NOT flows AND is_disabled THEN CASE WHEN taken > 0 THEN lease_end ELSE 'infinity' END
            WHEN NOT flows THEN paused_until
            WHEN taken < found AND NOT is_proven AND unproven > %(unproven)s
                THEN now() + make_interval(secs => %(look_again)s)
            WHEN taken < found OR (found >= quota AND found < room) THEN now()
            WHEN found < room THEN least(ahead.due_time, first_end, lease_end)
            WHEN rate > 0 AND tokens - taken < 1 THEN now() + make_interval(secs => (capacity - tokens + taken) / rate)
            WHEN own_room <= taken THEN least(first_end, now() + make_interval(secs => %(lease)s))
            ELSE now() + make_interval(secs => %(look_again)s)
        END AS next_due,
        tokens - taken AS tokens
    FROM taken
    CROSS JOIN LATERAL (
        SELECT CASE WHEN taken > 0 THEN now() + make_interval(secs => %(lease)s) ELSE 'infinity' END AS lease_end
    ) AS lease
    LEFT JOIN LATERAL (
        SELECT due_time FROM due
        WHERE found < least(room, quota) AND due.endpoint_id = taken.endpoint_id AND lease_token IS NULL
            AND due_time > now()
        ORDER BY due_time LIMIT 1
    ) AS ahead ON true
), moved AS (
    UPDATE endpoint_queue AS queue SET next_due = coalesce(next.next_due, 'infinity'), is_held = next.is_held,
        version = queue.version + 1, tokens = next.tokens, tokens_time = now()
    FROM next WHERE queue.endpoint_id = next.endpoint_id RETURNING queue.next_due
), receiver AS (
    SELECT json_agg(json_build_array(endpoint_id, NOT is_deleted, is_proven, url, (
        SELECT json_agg(json_build_array(encode(sealed, 'hex'), seal_version) ORDER BY create_time DESC)
        FROM endpoint_secret
        WHERE endpoint_secret.endpoint_id = taken.endpoint_id AND (end_time IS NULL OR end_time > now())
    ))) AS each FROM taken WHERE taken > 0
), again AS (
    SELECT extract(epoch FROM least(
            (SELECT min(next_due) FROM moved),
            (SELECT min(next_due) FROM endpoint_queue WHERE NOT %(nudged_only)s AND next_due > now()),
            now() + make_interval(secs => %(max_sleep)s)) - now())::float8 AS seconds,
        -- Whoever has a lock may not have seen what this has seen: another look is for those that it had to leave.
        (SELECT count(*) FROM candidate) > (SELECT count(*) FROM state)
            OR (SELECT count(*) FROM candidate) >= %(endpoints)s AS is_partial
)
SELECT again.seconds, again.is_partial, extract(epoch FROM clock_timestamp())::float8, receiver.each,
    NULL, NULL, NULL, NULL, NULL, NULL
FROM again CROSS JOIN receiver
UNION ALL
SELECT NULL, NULL, NULL, NULL, leased.delivery_id, leased.endpoint_id, coalesce(tried.attempt_count, 0) + 1,
    event.id, event.type, event.body
FROM leased
-- Not looked up for a first try, which most are.
LEFT JOIN LATERAL (
    SELECT attempt_count, event_id FROM delivery WHERE leased.event_id IS NULL AND id = leased.delivery_id LIMIT 1
) AS tried ON true
JOIN event ON event.id = coalesce(leased.event_id, tried.event_id)
"""

_CLAIM = Prepared(
    "claim_due",
    _CLAIM_TEXT,
    {
        "token": "uuid",
        "total": "integer",
        "each": "integer",
        "unproven": "integer",
        "lease": "float8",
        "busy": "text[]",
        "in_flight": "integer[]",
        "slow": "boolean[]",
        "endpoints": "integer",
        "concurrency": "integer",
        "burst": "float8",
        "look_again": "float8",
        "max_sleep": "float8",
        "nudged_only": "boolean",
    },
)

# As leases that have run out, which go before what has waited since. A trigger leaves the nudges.
_RELEASE = "UPDATE due SET due_time = now() WHERE lease_token = ANY (%(tokens)s::uuid[])"


def claim(
    token: str, room: Room, lease_seconds: float, busy: Iterable[Busy] = (), *, nudged_only: bool = False
) -> Claim:
    """Takes of what is due what there is room for, for `lease_seconds`; longest due endpoints first, all in turn.

    `token` is a UUID, a new one for each claim. With `nudged_only` it looks at those endpoints only that a nudge tells
    of, and answers when to claim for them again.
    """
    loads = list(busy)
    values = {
        "token": token,
        "total": room.total,
        "each": room.each,
        "unproven": room.unproven,
        "lease": lease_seconds,
        "busy": [load.endpoint_id for load in loads],
        "in_flight": [load.in_flight for load in loads],
        "slow": [load.is_slow for load in loads],
        "endpoints": MAX_ENDPOINTS,
        "concurrency": breaker.DEFAULT_MAX_CONCURRENCY,
        "burst": breaker.BURST_SECONDS,
        "look_again": LOOK_AGAIN_S,
        "max_sleep": MAX_SLEEP_S,
        "nudged_only": nudged_only,
    }
    with handle.cursor() as cursor:
        _CLAIM.execute(cursor, values)
        rows = cursor.fetchall()
    again, is_partial, time, receivers = rows[0][:4]
    by_id = {receiver.id: receiver for receiver in map(_receiver, receivers or ())}
    jobs = [_job(token, by_id[row[5]], row[4:]) for row in rows[1:]]
    return Claim(jobs, max(0.0, again), is_partial, time)


def release(tokens: Sequence[str]) -> None:
    """Gives back what these claims took and nobody completed, for other workers to take at once."""
    with handle.cursor() as cursor:
        cursor.execute(_RELEASE, {"tokens": list(tokens)})


def _receiver(row: list[Any]) -> Receiver:
    endpoint_id, is_wanted, is_proven, url, secrets = row
    sealed = tuple(Sealed(bytes.fromhex(value), version) for value, version in secrets or ())
    return Receiver(endpoint_id, is_wanted, is_proven, url, sealed)


def _job(token: str, receiver: Receiver, row: tuple[Any, ...]) -> Job:
    delivery_id, _, number, event_id, event_type, body = row
    return Job(delivery_id, token, number, receiver, event_id, event_type, bytes(body))
