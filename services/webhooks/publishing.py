"""Events come in; every endpoint that wants one gets a delivery, in the same transaction."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.common.errors import InvalidArgument
from services.webhooks import coalescing, event_queries, queries
from services.webhooks.coalescing import Candidate
from services.webhooks.event_queries import Event, NewDelivery
from services.webhooks.queries import Endpoint

MAX_PRODUCT_ID_CHARACTERS = 64


@dataclass(frozen=True)
class News:
    """An event as its publisher tells it."""

    id: str
    store_id: str
    type: str
    sequence: int
    occur_time: datetime
    data: str
    """A JSON object, passed on byte for byte."""
    traceparent: str = ""
    """The trace of the request that caused it; empty: it is not traced."""


@dataclass(frozen=True)
class Published:
    """What became of a batch of events."""

    accepted_count: int
    delivery_count: int


def publish_events(batch: Sequence[News], new_delivery_id: Callable[[], str], now: datetime) -> Published:
    """Takes in the events that are new and makes their deliveries: all or nothing.

    Raises:
        InvalidArgument: the data of an event is not a JSON object; the message names the event.
    """
    # By id: one that comes twice in a batch is one event.
    events = list({each.id: event_of(each, now) for each in batch}.values())
    # Who is enabled in between hears of these, or finds them when it looks for what it has missed.
    event_queries.hold_publishing()
    # Read before the events are written: an endpoint made in between has not asked for them.
    endpoints = queries.list_enabled_endpoints({event.store_id for event in events})
    new = event_queries.insert_events(events)
    wanted = [
        (new_delivery_id(), event, endpoint)
        for event in events
        if event.id in new
        for endpoint in endpoints
        if endpoint.store_id == event.store_id and wants(endpoint, event.type)
    ]
    _make_deliveries(wanted, now)
    return Published(len(new), len(wanted))


def wants(endpoint: Endpoint, event_type: str) -> bool:
    """Who names no types gets what shops are for; what concerns their keys goes to those only who ask for it."""
    return event_type in endpoint.event_types or (not endpoint.event_types and event_type.startswith("product."))


def event_of(news: News, now: datetime) -> Event:
    """The event as it is kept, published at `now`.

    Raises:
        InvalidArgument: the data is not a JSON object.
    """
    data = _read(news)
    product_id = data.get("productId")
    is_id = isinstance(product_id, str) and len(product_id) <= MAX_PRODUCT_ID_CHARACTERS
    return Event(
        news.id, news.store_id, news.type, str(product_id) if is_id else "", _body(news), now, news.traceparent
    )


def _read(news: News) -> dict[str, Any]:
    try:
        data = json.loads(news.data)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise InvalidArgument.field("events.data", f"of event {news.id} must be a JSON object")
    return data


def _body(news: News) -> bytes:
    """What is signed and sent: a JSON object, UTF-8, no spaces."""
    occurred = news.occur_time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head = {
        "id": news.id,
        "type": news.type,
        "occurredAt": occurred,
        "storeId": news.store_id,
        "sequence": news.sequence,
    }
    start = json.dumps(head, separators=(",", ":"))[:-1]
    return f'{start},"data":{news.data}}}'.encode()


def _make_deliveries(wanted: Sequence[tuple[str, Event, Endpoint]], now: datetime) -> None:
    candidates = [
        Candidate(delivery_id, endpoint.id, event.type, event.product_id, endpoint.coalesce_ms)
        for delivery_id, event, endpoint in wanted
    ]
    concerned = {(each.endpoint_id, each.product_id) for each in candidates if coalescing.concerns(each)}
    decision = coalescing.decide(candidates, event_queries.lock_waiting(concerned))
    event_queries.supersede(decision.superseded, now)
    event_queries.flush(decision.flushed)
    left_out = set(decision.left_out)
    event_queries.insert_deliveries(
        [
            _new_delivery(
                delivery_id, event, endpoint, None if delivery_id in left_out else decision.places[delivery_id]
            )
            for delivery_id, event, endpoint in wanted
        ],
        now,
    )


def _new_delivery(delivery_id: str, event: Event, endpoint: Endpoint, place: coalescing.Place | None) -> NewDelivery:
    if place is None:
        return NewDelivery(delivery_id, event, endpoint.id, is_left_out=True)
    return NewDelivery(
        delivery_id,
        event,
        endpoint.id,
        due_time=place.due_time,
        delay_ms=place.delay_ms,
        waits_for=place.waits_for or None,
    )
