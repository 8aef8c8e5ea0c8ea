"""Events on their way out: written with the change itself, kept until the Webhooks service has them."""

import json
from datetime import datetime

from google.protobuf.json_format import MessageToDict

from services.catalog import visibility
from services.catalog.convert import product_message
from services.catalog.queries import OutboxEvent, Product


def event(event_id: str, kind: str, before: Product | None, after: Product, now: datetime) -> OutboxEvent:
    """The event of this kind that tells of a change from `before` to `after`."""
    data = {"productId": after.id, "before": _view(before), "after": _view(after)}
    return OutboxEvent(
        event_id=event_id,
        store_id=after.store_id,
        type=kind,
        sequence=after.version,
        occur_time=now,
        data=json.dumps(data, ensure_ascii=False, separators=(",", ":")),
    )


def _view(product: Product | None) -> dict[str, object] | None:
    """The product as REST shows it to integrations; None while they do not see it."""
    if product is None or not visibility.is_visible(product):
        return None
    view: dict[str, object] = MessageToDict(product_message(product))
    return view
