"""Test events: somebody tries out whether an endpoint hears us. Nothing has happened in the shop."""

import json
from datetime import datetime

from services.common.errors import Exhausted
from services.webhooks import due_queries, endpoints, event_queries, log_queries, publishing
from services.webhooks.event_queries import NewDelivery
from services.webhooks.event_types import PING
from services.webhooks.log_queries import Delivery
from services.webhooks.publishing import News

MAX_WAITING = 20
"""Deliveries to one endpoint that people have asked for and that are still to be sent."""
MESSAGE = "This is a test from Sedifex. Nothing has happened in the shop."


def send_test(store_id: str, endpoint_id: str, event_id: str, delivery_id: str, now: datetime) -> Delivery:
    """Makes a test event due to an endpoint, also to a disabled one, to be tried once.

    Raises:
        NotFound: there is no such endpoint.
        Exhausted: too many wait to be sent to it already.
    """
    endpoint = endpoints.get_endpoint(store_id, endpoint_id)
    if due_queries.count_by_hand(endpoint.id, MAX_WAITING) >= MAX_WAITING:
        raise Exhausted(
            f"{MAX_WAITING} deliveries that were asked for by hand wait for this endpoint. Try again shortly.",
            reason="TOO_MANY_TESTS",
            retry_after=10,
        )
    data = json.dumps({"endpointId": endpoint.id, "message": MESSAGE}, separators=(",", ":"))
    event = publishing.event_of(News(event_id, store_id, PING, 0, now, data), now)
    event_queries.insert_events([event])
    event_queries.insert_deliveries([NewDelivery(delivery_id, event, endpoint.id, by_hand=True)], now)
    made = log_queries.find_delivery(store_id, delivery_id)
    if made is None:
        raise LookupError(delivery_id)  # it has just been made
    return made
