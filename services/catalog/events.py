"""What happens to products, told to the shop's webhooks."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime

from google.protobuf.json_format import MessageToDict

from services.catalog import visibility
from services.catalog.convert import product_message
from services.catalog.models import outbox
from services.catalog.queries import Product
from services.common.outbox import OutboxEvent

Pair = tuple[Product | None, Product]
"""A product before and after a change."""


def tell(changes: Sequence[Pair], new_event_id: Callable[[], str], now: datetime) -> None:
    """Tells of those changes that a reader can see. Wants the transaction of the changes themselves."""
    kinds = [(visibility.event_type(before, after), before, after) for before, after in changes]
    outbox.insert([_event(new_event_id(), kind, before, after, now) for kind, before, after in kinds if kind])


def _event(event_id: str, kind: str, before: Product | None, after: Product, now: datetime) -> OutboxEvent:
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
