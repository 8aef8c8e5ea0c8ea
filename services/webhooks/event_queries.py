"""The SQL of events and of the deliveries that they make. It answers frozen records, no peewee models."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.extras import execute_values

from services.webhooks.coalescing import Waiting
from services.webhooks.models import EventRow, handle
from services.webhooks.queries import Endpoint

_PUBLISHING = 0x5EDF1E
"""The lock that publishers share, and that whoever changes who is told of events has alone for a moment."""


LOOKED = 100_000
"""How many events are looked at to count those that were missed."""


@dataclass(frozen=True)
class Event:
    """An event as it is kept."""

    id: str
    store_id: str
    type: str
    product_id: str
    """Empty: it is about none."""
    body: bytes
    """What is signed and sent, byte for byte."""
    create_time: datetime
    """When it was published."""
    traceparent: str = ""
    """The trace of the request that caused it, where it has just been published; empty: it is not traced."""


@dataclass(frozen=True)
class NewDelivery:
    """A delivery that is to be made."""

    id: str
    event: Event
    endpoint_id: str
    due_time: datetime | None = None
    """None: `delay_ms` from now."""
    delay_ms: int = 0
    waits_for: str | None = None
    """The product whose next update takes its place."""
    is_left_out: bool = False
    """It is only logged: another one of the same batch says all that it would have said."""
    replay_id: str | None = None
    by_hand: bool = False
    """Sent also while the endpoint is disabled."""


def hold_publishing() -> None:
    """Keeps until the commit that nobody changes which endpoints are told of events. Publishers share this."""
    handle.execute_sql("SELECT pg_advisory_xact_lock_shared(%s)", (_PUBLISHING,))


def stop_publishing() -> None:
    """Waits for the publishers at work and holds up others until the commit.

    So whatever was published before is there to be seen, and whatever is published after it sees the change.
    """
    handle.execute_sql("SELECT pg_advisory_xact_lock(%s)", (_PUBLISHING,))


def insert_events(events: Sequence[Event]) -> set[str]:
    """Adds the events that are new and answers their ids; an event that is there already stays as it is."""
    rows = [
        (each.id, each.store_id, each.type, each.product_id, each.body, each.create_time, each.traceparent)
        for each in events
    ]
    statement = """
        INSERT INTO event (id, store_id, type, product_id, body, create_time, traceparent) VALUES %s
        ON CONFLICT (id) DO NOTHING RETURNING id
    """
    with handle.cursor() as cursor:
        return {row[0] for row in execute_values(cursor, statement, rows, page_size=len(rows), fetch=True)}


def find_event(store_id: str, event_id: str) -> Event | None:
    """The event of this id, if it is this store's and not forgotten."""
    row: Any = EventRow.select().where(EventRow.id == event_id, EventRow.store_id == store_id).dicts().first()
    return _event(row) if row else None


def find_event_body(event_id: str) -> bytes:
    """What is sent to tell of an event; empty once it has been forgotten."""
    row: Any = EventRow.select(EventRow.body).where(EventRow.id == event_id).first()
    return bytes(row.body) if row else b""


def insert_deliveries(deliveries: Sequence[NewDelivery], now: datetime) -> None:
    """Adds deliveries, and what of them is to be sent to the queue; wakes the workers at the commit."""
    if not deliveries:
        return
    rows = [
        (
            each.id,
            each.event.store_id,
            each.endpoint_id,
            each.event.id,
            each.event.type,
            each.event.product_id,
            "coalesced" if each.is_left_out else "pending",
            each.due_time,
            each.delay_ms,
            each.waits_for,
            each.replay_id,
            each.by_hand,
            now,
        )
        for each in deliveries
    ]
    with handle.cursor() as cursor:
        execute_values(cursor, _INSERT_DELIVERIES, rows, template=_DELIVERY_TYPES, page_size=len(rows))


_INSERT_DELIVERIES = """
WITH given (id, store_id, endpoint_id, event_id, event_type, product_id, state, due_time, delay_ms, waits_for,
            replay_id, by_hand, create_time) AS (VALUES %s),
wanted AS (
    SELECT *, coalesce(due_time, now() + delay_ms * interval '1 ms') AS at FROM given
), made AS (
    INSERT INTO delivery (id, store_id, endpoint_id, event_id, event_type, product_id, state, replay_id, create_time,
                          next_attempt_time, finish_time)
    SELECT id, store_id, endpoint_id, event_id, event_type, product_id, state, replay_id, create_time,
           CASE WHEN state = 'pending' THEN at END, CASE WHEN state <> 'pending' THEN create_time END
    FROM wanted
)
INSERT INTO due (delivery_id, endpoint_id, event_id, due_time, waits_for, replay_id, by_hand)
SELECT id, endpoint_id, event_id, at, waits_for, replay_id, by_hand FROM wanted WHERE state = 'pending'
"""
_DELIVERY_TYPES = "(%s, %s, %s, %s, %s, %s, %s, %s::timestamptz, %s, %s::text, %s::text, %s, %s::timestamptz)"


def lock_waiting(places: Collection[tuple[str, str]]) -> dict[tuple[str, str], list[Waiting]]:
    """What waits in its window, by endpoint and product, kept from being begun until the commit."""
    # In one order everywhere, so that two writers cannot wait for each other.
    statement = """
        SELECT due.endpoint_id, due.waits_for, due.delivery_id, due.due_time FROM due
        JOIN delivery ON delivery.id = due.delivery_id
        JOIN unnest(%(endpoints)s::text[], %(products)s::text[]) AS wanted (endpoint_id, product_id)
          ON due.endpoint_id = wanted.endpoint_id AND due.waits_for = wanted.product_id
        WHERE due.lease_token IS NULL AND delivery.attempt_count = 0
        ORDER BY due.delivery_id FOR UPDATE OF due
    """
    found: dict[tuple[str, str], list[Waiting]] = {}
    if places:
        endpoints, products = zip(*sorted(places), strict=True)
        given = {"endpoints": list(endpoints), "products": list(products)}
        for endpoint_id, product_id, delivery_id, due_time in handle.execute_sql(statement, given).fetchall():
            found.setdefault((endpoint_id, product_id), []).append(Waiting(delivery_id, due_time))
    return found


def supersede(delivery_ids: Sequence[str], now: datetime) -> None:
    """Takes deliveries that wait out of the queue: later ones say all that they would have said."""
    if delivery_ids:
        given = {"ids": list(delivery_ids), "now": now}
        handle.execute_sql("DELETE FROM due WHERE delivery_id = ANY (%(ids)s)", given)
        handle.execute_sql(
            "UPDATE delivery SET state = 'coalesced', next_attempt_time = NULL, finish_time = %(now)s"
            " WHERE id = ANY (%(ids)s)",
            given,
        )


def flush(delivery_ids: Sequence[str]) -> None:
    """Makes deliveries that wait due now, before whatever is made due in this transaction."""
    if delivery_ids:
        statement = """
            WITH begun AS (
                UPDATE due SET due_time = least(due_time, now() - interval '1 ms'), waits_for = NULL
                WHERE delivery_id = ANY (%s) RETURNING delivery_id, due_time
            )
            UPDATE delivery SET next_attempt_time = begun.due_time FROM begun WHERE delivery.id = begun.delivery_id
        """
        handle.execute_sql(statement, (list(delivery_ids),))


def flush_endpoint(endpoint_id: str) -> None:
    """Makes everything due now that waits in its window at an endpoint."""
    statement = "SELECT delivery_id FROM due WHERE endpoint_id = %s AND waits_for IS NOT NULL"
    flush([row[0] for row in handle.execute_sql(statement, (endpoint_id,)).fetchall()])


def count_missed(endpoint: Endpoint, since: datetime, limit: int) -> int:
    """How many events that the endpoint wants were published since then and made no delivery to it.

    At most `limit` are counted, of the first LOOKED that were published.
    """
    statement = """
        SELECT count(*) FROM (
            SELECT 1 FROM (
                SELECT id, type FROM event WHERE store_id = %(store)s AND create_time >= %(since)s
                ORDER BY create_time LIMIT %(looked)s
            ) AS published
            WHERE CASE WHEN %(types)s::text[] = '{}' THEN type LIKE 'product.%%' ELSE type = ANY (%(types)s) END
            AND NOT EXISTS (
                SELECT 1 FROM delivery WHERE event_id = published.id AND endpoint_id = %(endpoint)s
            )
            LIMIT %(limit)s
        ) AS missed
    """
    given = {
        "store": endpoint.store_id,
        "since": since,
        "looked": LOOKED,
        "types": list(endpoint.event_types),
        "endpoint": endpoint.id,
        "limit": limit,
    }
    return int(handle.execute_sql(statement, given).fetchone()[0])


def _event(row: dict[str, Any]) -> Event:
    return Event(**row | {"body": bytes(row["body"])})
