"""Events come in; every endpoint that wants one gets a delivery, in the same transaction."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services.common.errors import InvalidArgument
from services.webhooks import queries
from services.webhooks.queries import Delivery, Endpoint, Event


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
    events = list({each.id: Event(each.id, each.store_id, each.type, body(each), now) for each in batch}.values())
    # Read before the events are written: an endpoint made in between has not asked for them.
    endpoints = queries.list_enabled_endpoints({event.store_id for event in events})
    new = queries.insert_events(events)
    deliveries = [
        _delivery(new_delivery_id(), event, endpoint, now)
        for event in events
        if event.id in new
        for endpoint in endpoints
        if endpoint.store_id == event.store_id and _wants(endpoint, event)
    ]
    if deliveries:
        queries.insert_deliveries(deliveries)
    return Published(len(new), len(deliveries))


def body(news: News) -> bytes:
    """What is signed and sent: a JSON object, UTF-8, no spaces.

    Raises:
        InvalidArgument: the data is not a JSON object.
    """
    try:
        is_object = isinstance(json.loads(news.data), dict)
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        raise InvalidArgument.field("events.data", f"of event {news.id} must be a JSON object")
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


def _wants(endpoint: Endpoint, event: Event) -> bool:
    """Who names no types gets what shops are for; what concerns their keys goes to those only who ask for it."""
    return event.type in endpoint.event_types or (not endpoint.event_types and event.type.startswith("product."))


def _delivery(delivery_id: str, event: Event, endpoint: Endpoint, now: datetime) -> Delivery:
    return Delivery(
        id=delivery_id,
        store_id=event.store_id,
        endpoint_id=endpoint.id,
        event_id=event.id,
        event_type=event.type,
        state="pending",
        attempt_count=0,
        last_status_code=0,
        create_time=now,
        next_attempt_time=now,
        finish_time=None,
    )
