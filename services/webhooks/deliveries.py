"""The log of deliveries: what was sent where, and how it went; and another try at one of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.common.access.caller import Caller
from services.common.errors import FailedPrecondition, NotFound
from services.common.paging import Page, PageRequest
from services.webhooks import due_queries, event_queries, log_queries, queries
from services.webhooks.endpoints import check_may_hear_of
from services.webhooks.event_queries import Event
from services.webhooks.event_types import PING
from services.webhooks.log_queries import Attempt, Delivery, HourCount, LogFilter

MAX_ATTEMPTS_SHOWN = 100
HOURS_COUNTED = 24


@dataclass(frozen=True)
class DeliveryRecord:
    """A delivery with all that is known of it."""

    delivery: Delivery
    attempts: list[Attempt]
    body: bytes
    """Empty: the event has been forgotten."""


def get_delivery(store_id: str, delivery_id: str, caller: Caller) -> DeliveryRecord:
    """The delivery of this id in this store, with its attempts and what was sent.

    Raises:
        NotFound: there is none.
        PermissionDenied: it tells of a key, which the caller may not read.
    """
    delivery = _found(log_queries.find_delivery(store_id, delivery_id), store_id, delivery_id)
    check_may_hear_of([delivery.event_type], caller)
    attempts = log_queries.list_attempts(delivery, MAX_ATTEMPTS_SHOWN)
    return DeliveryRecord(delivery, attempts, event_queries.find_event_body(delivery.event_id))


def list_deliveries(store_id: str, wanted: LogFilter, request: PageRequest) -> Page[Delivery]:
    """A page of the store's deliveries, newest first.

    It may hold fewer than were asked for, or none, and still have a next one: see `log_queries`.
    """
    if wanted.endpoint_id and not log_queries.is_endpoint_of(store_id, wanted.endpoint_id):
        return request.page([], lambda delivery: [delivery.id])
    found = log_queries.list_deliveries(store_id, wanted, request.after, request.limit)
    stopped_at = [found.stopped_at] if found.stopped_at else None
    return request.page(found.deliveries, lambda delivery: [delivery.id], stopped_at)


def count_deliveries(store_id: str, endpoint_id: str, now: datetime) -> list[HourCount]:
    """The store's deliveries by the hour in which they were created: the last 24 hours, the oldest first."""
    current = now.replace(minute=0, second=0, microsecond=0)
    hours = [current - timedelta(hours=ago) for ago in range(HOURS_COUNTED - 1, -1, -1)]
    if endpoint_id and not log_queries.is_endpoint_of(store_id, endpoint_id):
        return [HourCount(hour, {}, is_truncated=False) for hour in hours]
    return log_queries.count_by_hour(store_id, endpoint_id, hours)


def get_event(store_id: str, event_id: str, caller: Caller) -> Event:
    """The event of this id in this store.

    Raises:
        NotFound: there is none, or it has been forgotten.
        PermissionDenied: it tells of a key, which the caller may not read.
    """
    event = event_queries.find_event(store_id, event_id)
    if event is None:
        name = f"stores/{store_id}/events/{event_id}"
        raise NotFound(f"There is no event {name}. Events are kept for 30 days.", reason="EVENT_NOT_FOUND")
    check_may_hear_of([event.type], caller)
    return event


def retry_delivery(store_id: str, delivery_id: str, now: datetime) -> Delivery:
    """Makes a delivery due now, whatever its state.

    Raises:
        NotFound: there is none.
        FailedPrecondition: it would not be sent, for the reason that the message gives.
    """
    place = due_queries.lock_place(delivery_id)
    delivery = _found(log_queries.lock_delivery(store_id, delivery_id), store_id, delivery_id)
    _check_can_be_sent(delivery)
    if place is not None and place.is_leased:
        raise FailedPrecondition(
            "This delivery is being sent at this moment. Look at it again shortly.", reason="DELIVERY_UNDER_WAY"
        )
    if place is None and delivery.state == "pending":
        return delivery  # somebody else has asked for the same, just now
    return due_queries.make_due(delivery, now)


def _check_can_be_sent(delivery: Delivery) -> None:
    endpoint = queries.find_endpoint(delivery.store_id, delivery.endpoint_id)
    if endpoint is None:
        raise FailedPrecondition("The endpoint of this delivery has been deleted.", reason="ENDPOINT_DELETED")
    if not endpoint.is_enabled and delivery.event_type != PING:
        raise FailedPrecondition(
            "The endpoint of this delivery is disabled. Enable it, then try again.", reason="ENDPOINT_DISABLED"
        )
    if event_queries.find_event(delivery.store_id, delivery.event_id) is None:
        raise FailedPrecondition(
            "What was to be sent has been forgotten: events are kept for 30 days.", reason="EVENT_FORGOTTEN"
        )


def _found(delivery: Delivery | None, store_id: str, delivery_id: str) -> Delivery:
    if delivery is None:
        name = f"stores/{store_id}/deliveries/{delivery_id}"
        raise NotFound(f"There is no delivery {name}.", reason="DELIVERY_NOT_FOUND")
    return delivery
