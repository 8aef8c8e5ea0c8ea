"""The SQL by which the API touches the queue; the worker's own is in worker/due."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.webhooks.log_queries import Delivery
from services.webhooks.models import handle


@dataclass(frozen=True)
class QueuePlace:
    """A delivery's place in the queue."""

    is_leased: bool
    """A worker is sending it."""


def lock_place(delivery_id: str) -> QueuePlace | None:
    """The place of a delivery, kept from being claimed until the commit; None: it is not to be tried."""
    statement = """
        SELECT lease_token IS NOT NULL AND due_time > now() FROM due WHERE delivery_id = %s FOR UPDATE
    """
    row = handle.execute_sql(statement, (delivery_id,)).fetchone()
    return QueuePlace(row[0]) if row else None


def make_due(delivery: Delivery, now: datetime) -> Delivery:
    """Puts a delivery at the head of the queue, whether or not it was in it."""
    given = {"id": delivery.id, "now": now}
    # A moment before now: so a row that is overdue already is brought forward too, and the queue is told of it.
    handle.execute_sql(
        """
        INSERT INTO due (delivery_id, endpoint_id, due_time, by_hand, replay_id)
        SELECT id, endpoint_id, now(), true, replay_id FROM delivery WHERE id = %(id)s
        ON CONFLICT (delivery_id) DO UPDATE
        SET due_time = least(due.due_time, now()) - interval '1 ms', lease_token = NULL, by_hand = true,
            waits_for = NULL
        """,
        given,
    )
    handle.execute_sql(
        "UPDATE delivery SET state = 'pending', next_attempt_time = %(now)s, finish_time = NULL WHERE id = %(id)s",
        given,
    )
    return replace(delivery, state="pending", next_attempt_time=now, finish_time=None)


def count_by_hand(endpoint_id: str, limit: int) -> int:
    """How many deliveries to an endpoint people have asked for that are still to be sent; at most `limit`."""
    statement = "SELECT count(*) FROM (SELECT 1 FROM due WHERE endpoint_id = %s AND by_hand LIMIT %s) AS asked_for"
    return int(handle.execute_sql(statement, (endpoint_id, limit)).fetchone()[0])
