"""What happens to products, told to the shop's webhooks."""

import json
from datetime import datetime

from google.protobuf.json_format import MessageToDict

from services.catalog import visibility
from services.catalog.convert import product_message
from services.catalog.models import outbox
from services.catalog.queries import Product
from services.common.outbox import OutboxEvent


def tell(event_id: str, kind: str, before: Product | None, after: Product, now: datetime) -> None:
    """Tells of a change from `before` to `after`. Wants the transaction of the change itself."""
    data = {"productId": after.id, "before": _view(before), "after": _view(after)}
    outbox.insert(
        OutboxEvent(
            event_id=event_id,
            store_id=after.store_id,
            type=kind,
            sequence=after.version,
            occur_time=now,
            data=json.dumps(data, ensure_ascii=False, separators=(",", ":")),
        )
    )


def _view(product: Product | None) -> dict[str, object] | None:
    """The product as REST shows it to integrations; None while they do not see it."""
    if product is None or not visibility.is_visible(product):
        return None
    view: dict[str, object] = MessageToDict(product_message(product))
    return view
