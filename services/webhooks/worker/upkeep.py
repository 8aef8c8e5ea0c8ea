"""What is done now and then: partitions made and dropped, the old forgotten, endpoints warned of and disabled.

Every worker runs it; one at a time does, the others pass by. Every step may be repeated, and is small: what is left
over is for the next run.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.base import BaseScheduler

from services.common.database import BlockingDatabase
from services.common.errors import SedifexError
from services.webhooks import health
from services.webhooks.health import Action, Standing
from services.webhooks.models import handle

log = logging.getLogger(__name__)

DAYS_AHEAD = 7
DAYS_KEPT = 30
FORGET_BATCH = 1_000
FORGET_BATCHES = 50
"""In a run: at most so many deletions of so many rows, each in a transaction of its own."""
PARTITIONS_EVERY_S = 3600
FORGET_EVERY_S = 60
ENDPOINTS_EVERY_S = 60
MEND_EVERY_S = 10

_LOCK = 0x5EDF1E1

_PARTITIONS = """
    SELECT c.relname FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid
    WHERE inhparent = 'attempt'::regclass AND c.relname ~ '^attempt_[0-9]{8}$' ORDER BY 1
"""
# Ids begin with their time (ULID), so that the oldest stand together in the primary key.
_FORGET_DELIVERIES = """
    DELETE FROM delivery WHERE id IN (
        SELECT id FROM delivery WHERE create_time < now() - make_interval(days => %s) AND state <> 'pending'
        AND id < %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
"""
_FORGET_EVENTS = """
    DELETE FROM event WHERE id IN (
        SELECT id FROM event WHERE create_time < now() - make_interval(days => %s)
        AND id < %s AND NOT EXISTS (SELECT FROM delivery WHERE event_id = event.id) ORDER BY id LIMIT %s)
"""
_FORGET_REPLAYS = """
    DELETE FROM replay WHERE id IN (
        SELECT id FROM replay WHERE id < %s AND finish_time < now() - make_interval(days => %s) ORDER BY id LIMIT %s)
"""
_MEND = """
WITH late AS (
    SELECT endpoint_id FROM endpoint_queue AS queue JOIN endpoint ON endpoint.id = queue.endpoint_id
    CROSS JOIN LATERAL (
        SELECT least(
            (SELECT min(due_time) FROM due WHERE due.endpoint_id = queue.endpoint_id AND lease_token IS NULL),
            (SELECT min(due_time) FROM due WHERE due.endpoint_id = queue.endpoint_id AND lease_token IS NOT NULL)
        ) AS due_time
    ) AS first
    WHERE queue.next_due > now() + interval '1 hour' AND first.due_time < queue.next_due
        AND NOT EXISTS (SELECT FROM endpoint_nudge WHERE endpoint_nudge.endpoint_id = queue.endpoint_id)
        AND (endpoint.state = 'enabled' OR endpoint.delete_time IS NOT NULL)
    ORDER BY endpoint_id FOR UPDATE OF queue SKIP LOCKED
)
UPDATE endpoint_queue AS queue SET next_due = now(), version = version + 1
FROM late WHERE queue.endpoint_id = late.endpoint_id
"""
_FAILING = """
    SELECT endpoint_id, failure_count, failing_since, last_success_time, last_failure_time, last_error
    FROM endpoint_queue JOIN endpoint ON endpoint.id = endpoint_id
    WHERE failing_since < now() - %s AND endpoint.state = 'enabled' AND endpoint.delete_time IS NULL
"""
# Only as long as what was judged still holds: a success since then, and nothing happens.
_WARN = """
    UPDATE endpoint SET state_reason = %s FROM endpoint_queue AS queue
    WHERE endpoint.id = %s AND endpoint_id = endpoint.id AND failing_since = %s AND state = 'enabled'
"""
_DISABLE = """
    UPDATE endpoint SET state_reason = %s, state = 'disabled', disable_time = now() FROM endpoint_queue AS queue
    WHERE endpoint.id = %s AND endpoint_id = endpoint.id AND failing_since = %s AND state = 'enabled'
"""
_CLEAR = """
    UPDATE endpoint SET state_reason = '' FROM endpoint_queue AS queue
    WHERE endpoint_id = endpoint.id AND failing_since IS NULL AND state = 'enabled' AND state_reason <> ''
"""


class Upkeep:
    """The jobs of a worker beside sending."""

    def __init__(self, database: BlockingDatabase) -> None:
        self._database = database

    def schedule(self, scheduler: BaseScheduler) -> None:
        """Adds the jobs; each runs at once, and then now and then."""
        for job, seconds in (
            (keep_partitions, PARTITIONS_EVERY_S),
            (forget_old, FORGET_EVERY_S),
            (judge_endpoints, ENDPOINTS_EVERY_S),
            (mend_queue, MEND_EVERY_S),
        ):
            scheduler.add_job(
                self._run,
                "interval",
                (job,),
                seconds=seconds,
                jitter=seconds // 10,
                coalesce=True,
                misfire_grace_time=None,
                next_run_time=datetime.now(UTC),
            )

    def _run(self, job: Callable[[], bool]) -> None:
        try:
            for _ in range(FORGET_BATCHES):
                if not self._database.write(_alone, job):
                    return
        except SedifexError as failure:
            log.warning("upkeep waits", extra={"job": job.__name__, "cause": failure.reason})


def keep_partitions() -> bool:
    """Makes the partitions of attempts for the days ahead, drops those that are past keeping; False: all is done."""
    today = _date()
    with handle.cursor() as cursor:
        for ahead in range(DAYS_AHEAD + 1):
            cursor.execute("SELECT make_attempt_partition(%s)", ((today + timedelta(days=ahead)).date(),))
        cursor.execute(_PARTITIONS)
        oldest = f"attempt_{today - timedelta(days=DAYS_KEPT):%Y%m%d}"
        for (name,) in cursor.fetchall():
            if name < oldest:
                cursor.execute(f"DROP TABLE {name}")
                log.info("attempts of a day were forgotten", extra={"partition": name})
        cursor.execute("DELETE FROM attempt_default WHERE start_time < now() - make_interval(days => %s)", (DAYS_KEPT,))
    return False


def forget_old() -> bool:
    """Forgets some of the deliveries, events and replays that are past keeping; False: there are no more.

    What still waits, for a disabled endpoint perhaps, is kept.
    """
    beyond = _ulid_floor(_date() - timedelta(days=DAYS_KEPT - 1))
    with handle.cursor() as cursor:
        cursor.execute(_FORGET_DELIVERIES, (DAYS_KEPT, f"dlv_{beyond}", FORGET_BATCH))
        forgotten = cursor.rowcount
        cursor.execute(_FORGET_EVENTS, (DAYS_KEPT, f"evt_{beyond}", FORGET_BATCH))
        forgotten = max(forgotten, cursor.rowcount)
        cursor.execute(_FORGET_REPLAYS, (f"rpl_{beyond}", DAYS_KEPT, FORGET_BATCH))
        return bool(max(forgotten, cursor.rowcount) == FORGET_BATCH)


def judge_endpoints() -> bool:
    """Warns of endpoints that have failed for long, disables those that have for too long; False: all is done."""
    with handle.cursor() as cursor:
        cursor.execute(_CLEAR)
        cursor.execute(_FAILING, (health.WARN_AFTER,))
        for endpoint_id, count, since, succeeded, failed, error in cursor.fetchall():
            verdict = health.judge(Standing(count, since, succeeded, failed, error))
            if verdict.action is not Action.NONE:
                statement = _WARN if verdict.action is Action.WARN else _DISABLE
                cursor.execute(statement, (verdict.reason, endpoint_id, since))
                log.warning(
                    "an endpoint fails", extra={"endpoint": endpoint_id, "action": verdict.action.value, "since": since}
                )
    return False


def mend_queue() -> bool:
    """Puts right an endpoint's next_due that is too late, should one ever be; False: all is done."""
    with handle.cursor() as cursor:
        cursor.execute(_MEND)
        if cursor.rowcount:
            log.error("endpoints had been forgotten by the queue", extra={"count": cursor.rowcount})
    return False


def _alone(job: Callable[[], bool]) -> bool:
    with handle.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,))
        ((is_alone,),) = cursor.fetchall()
    return job() if is_alone else False


def _date() -> datetime:
    with handle.cursor() as cursor:
        cursor.execute("SELECT date_trunc('day', now() AT TIME ZONE 'UTC')")
        ((today,),) = cursor.fetchall()
    return datetime(today.year, today.month, today.day, tzinfo=UTC)


def _ulid_floor(time: datetime) -> str:
    """What the ids of this moment begin with (https://github.com/ulid/spec): 48 bits of milliseconds in base 32."""
    value, digits = round(time.timestamp() * 1000), ""
    for _ in range(10):
        value, digit = divmod(value, 32)
        digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[digit] + digits
    return digits
