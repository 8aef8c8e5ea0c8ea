"""The log of deliveries: what was sent where, and how it went."""

from dataclasses import dataclass

from services.common.errors import NotFound
from services.common.paging import Page, PageRequest
from services.webhooks import queries
from services.webhooks.queries import Attempt, Delivery

MAX_ATTEMPTS_SHOWN = 100


@dataclass(frozen=True)
class DeliveryRecord:
    """A delivery with all that is known of it."""

    delivery: Delivery
    attempts: list[Attempt]
    body: bytes


def get_delivery(store_id: str, delivery_id: str) -> DeliveryRecord:
    """The delivery of this id in this store, with its attempts and what was sent.

    Raises:
        NotFound: there is none.
    """
    delivery = queries.find_delivery(store_id, delivery_id)
    if delivery is None:
        name = f"stores/{store_id}/deliveries/{delivery_id}"
        raise NotFound(f"There is no delivery {name}.", reason="DELIVERY_NOT_FOUND")
    attempts = queries.list_attempts(delivery_id, MAX_ATTEMPTS_SHOWN)
    return DeliveryRecord(delivery, attempts, queries.find_event_body(delivery.event_id))


def list_deliveries(store_id: str, endpoint_id: str | None, state: str | None, request: PageRequest) -> Page[Delivery]:
    """A page of the store's deliveries, newest first."""
    rows = queries.list_deliveries(store_id, endpoint_id, state, request.after, request.limit)
    return request.page(rows, lambda delivery: [delivery.id])
