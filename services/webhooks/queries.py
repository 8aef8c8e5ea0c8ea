"""All SQL of the Webhooks service but the worker's (see worker/due). It answers frozen records, no peewee models."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import peewee
from psycopg2.extras import execute_values

from services.common.paging import Position
from services.common.vault import Sealed
from services.webhooks.models import (
    AttemptRow,
    DeliveryRow,
    DueRow,
    EndpointRow,
    EndpointSecretRow,
    EventRow,
    handle,
)


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as it is kept, without its secret."""

    id: str
    store_id: str
    url: str
    display_name: str
    event_types: tuple[str, ...]
    """Empty: all."""
    state: str
    """'enabled' or 'disabled'."""
    state_reason: str
    secret_hint: str
    create_time: datetime


@dataclass(frozen=True)
class Event:
    """An event as it is kept."""

    id: str
    store_id: str
    type: str
    body: bytes
    create_time: datetime


@dataclass(frozen=True)
class Delivery:
    """A delivery as it is kept."""

    id: str
    store_id: str
    endpoint_id: str
    event_id: str
    event_type: str
    state: str
    """'pending', 'succeeded', 'dead' or 'cancelled'."""
    attempt_count: int
    last_status_code: int
    """0: no answer came."""
    create_time: datetime
    next_attempt_time: datetime | None
    finish_time: datetime | None
    last_error: str = ""
    """Why the last attempt failed; empty: it did not."""


@dataclass(frozen=True)
class Attempt:
    """One try at a delivery."""

    id: str
    number: int
    start_time: datetime
    latency_ms: int
    status_code: int
    """0: no answer came."""
    error: str
    response_headers: dict[str, str]
    response_body: bytes
    remote_address: str
    """Empty: none was reached."""


def insert_endpoint(endpoint: Endpoint, sealed: Sealed, request_id: str | None) -> bool:
    """Adds an endpoint; False, and nothing added, if this request has made one before."""
    values = {field.name: getattr(endpoint, field.name) for field in fields(Endpoint) if field.name != "secret_hint"}
    values |= {"event_types": list(endpoint.event_types), "request_id": request_id}
    # Waits for a concurrent repeat of the request to commit, so that one of the two makes the endpoint.
    inserted = EndpointRow.insert(**values, update_time=endpoint.create_time).on_conflict_ignore()
    if not inserted.returning(EndpointRow.id).execute():
        return False
    insert_secret(endpoint.id, sealed, endpoint.secret_hint, endpoint.create_time)
    return True


def insert_secret(endpoint_id: str, sealed: Sealed, hint: str, now: datetime) -> None:
    """Adds a secret that signs from now on, beside those that do already."""
    EndpointSecretRow.insert(
        endpoint_id=endpoint_id, sealed=sealed.value, seal_version=sealed.version, hint=hint, create_time=now
    ).execute()


def find_endpoint(store_id: str, endpoint_id: str) -> Endpoint | None:
    """The endpoint of this id, if it is this store's and not deleted."""
    row = _endpoints().where(EndpointRow.id == endpoint_id, EndpointRow.store_id == store_id).first()
    return _endpoint(row) if row else None


def find_endpoint_by_request(store_id: str, request_id: str) -> str:
    """The id of the endpoint that this request has made, deleted or not."""
    query = EndpointRow.select(EndpointRow.id)
    return str(query.where(EndpointRow.store_id == store_id, EndpointRow.request_id == request_id).get().id)


def list_endpoints(store_id: str, after: Position | None, limit: int) -> list[Endpoint]:
    """The store's endpoints, newest first, from behind `after` ([id]) on."""
    query = _endpoints().where(EndpointRow.store_id == store_id)
    if after is not None:
        query = query.where(EndpointRow.id < after[0])
    return [_endpoint(row) for row in query.order_by(EndpointRow.id.desc()).limit(limit)]


def list_enabled_endpoints(store_ids: Collection[str]) -> list[Endpoint]:
    """The endpoints of these stores that events go to."""
    query = _endpoints().where(EndpointRow.store_id.in_(list(store_ids)), EndpointRow.state == "enabled")
    return [_endpoint(row) for row in query]


def delete_endpoint(endpoint_id: str, now: datetime) -> None:
    """Marks an endpoint as deleted; its deliveries stay in the log."""
    EndpointRow.update(delete_time=now).where(EndpointRow.id == endpoint_id).execute()


def disable_endpoint(endpoint_id: str, reason: str) -> None:
    """Stops sending to an endpoint."""
    changes = {"state": "disabled", "state_reason": reason, "disable_time": peewee.fn.now()}
    EndpointRow.update(changes).where(EndpointRow.id == endpoint_id, EndpointRow.state == "enabled").execute()


def cancel_deliveries(endpoint_id: str, now: datetime) -> None:
    """Ends every delivery to this endpoint that is still to be tried.

    Those that a worker is sending at this moment are left to it: it knows how they end.
    """
    _cancel(DueRow.endpoint_id == endpoint_id, now)


def cancel_unwanted(delivery_ids: Sequence[str], now: datetime) -> None:
    """Ends those of these deliveries that are still to be tried, and whose endpoint is deleted."""
    unwanted = EndpointRow.select(EndpointRow.id).where(EndpointRow.delete_time.is_null(False))
    _cancel(DueRow.delivery_id.in_(list(delivery_ids)) & DueRow.endpoint_id.in_(unwanted), now)


def _cancel(which: Any, now: datetime) -> None:
    idle = DueRow.lease_token.is_null() | (DueRow.due_time <= peewee.fn.now())
    # In one order everywhere, so that two writers cannot wait for each other.
    picked = DueRow.select(DueRow.delivery_id).where(which & idle).order_by(DueRow.delivery_id).for_update()
    ids = [row.delivery_id for row in picked]
    DueRow.delete().where(DueRow.delivery_id.in_(ids)).execute()
    DeliveryRow.update(state="cancelled", next_attempt_time=None, finish_time=now).where(
        DeliveryRow.id.in_(ids)
    ).execute()


def insert_events(events: Sequence[Event]) -> set[str]:
    """Adds the events that are new and answers their ids; an event that is there already stays as it is."""
    rows = [(event.id, event.store_id, event.type, event.body, event.create_time) for event in events]
    statement = """
        INSERT INTO event (id, store_id, type, body, create_time) VALUES %s
        ON CONFLICT (id) DO NOTHING RETURNING id
    """
    with handle.cursor() as cursor:
        return {row[0] for row in execute_values(cursor, statement, rows, page_size=len(rows), fetch=True)}


def insert_deliveries(deliveries: Sequence[Delivery]) -> None:
    """Adds deliveries that are to be tried now, and wakes the workers at the commit."""
    rows = [
        (each.id, each.store_id, each.endpoint_id, each.event_id, each.event_type, each.create_time)
        for each in deliveries
    ]
    statement = """
        WITH wanted (id, store_id, endpoint_id, event_id, event_type, create_time) AS (VALUES %s),
        made AS (
            INSERT INTO delivery
                (id, store_id, endpoint_id, event_id, event_type, state, create_time, next_attempt_time)
            SELECT id, store_id, endpoint_id, event_id, event_type, 'pending', create_time, create_time FROM wanted
        )
        INSERT INTO due (delivery_id, endpoint_id, due_time) SELECT id, endpoint_id, now() FROM wanted
    """
    with handle.cursor() as cursor:
        execute_values(cursor, statement, rows, page_size=len(rows))


def find_delivery(store_id: str, delivery_id: str) -> Delivery | None:
    """The delivery of this id, if it is this store's."""
    query = DeliveryRow.select().where(DeliveryRow.id == delivery_id, DeliveryRow.store_id == store_id)
    row: Any = query.dicts().first()
    return Delivery(**row) if row else None


def list_deliveries(
    store_id: str, endpoint_id: str | None, state: str | None, after: Position | None, limit: int
) -> list[Delivery]:
    """The store's deliveries, newest first, from behind `after` ([id]) on; of one endpoint or in one state if named."""
    query = DeliveryRow.select().where(DeliveryRow.store_id == store_id)
    if endpoint_id is not None:
        query = query.where(DeliveryRow.endpoint_id == endpoint_id)
    if state is not None:
        query = query.where(DeliveryRow.state == state)
    if after is not None:
        query = query.where(DeliveryRow.id < after[0])
    rows: Any = query.order_by(DeliveryRow.id.desc()).limit(limit).dicts()
    return [Delivery(**row) for row in rows]


def list_attempts(delivery_id: str, limit: int) -> list[Attempt]:
    """The first `limit` tries at a delivery, in order."""
    columns = [getattr(AttemptRow, field.name) for field in fields(Attempt)]
    query = AttemptRow.select(*columns).where(AttemptRow.delivery_id == delivery_id)
    rows: Any = query.order_by(AttemptRow.number).limit(limit).dicts()
    return [Attempt(**row | {"response_body": bytes(row["response_body"])}) for row in rows]


def find_event_body(event_id: str) -> bytes:
    """What is sent to tell of an event."""
    row: Any = EventRow.select(EventRow.body).where(EventRow.id == event_id).get()
    return bytes(row.body)


def _endpoints() -> Any:
    hint = EndpointSecretRow.select(EndpointSecretRow.hint).where(EndpointSecretRow.endpoint_id == EndpointRow.id)
    newest = hint.order_by(EndpointSecretRow.create_time.desc()).limit(1).alias("secret_hint")
    columns = [getattr(EndpointRow, field.name) for field in fields(Endpoint) if field.name != "secret_hint"]
    return EndpointRow.select(*columns, newest).where(EndpointRow.delete_time.is_null()).dicts()


def _endpoint(row: dict[str, Any]) -> Endpoint:
    return Endpoint(**row | {"event_types": tuple(row["event_types"])})
