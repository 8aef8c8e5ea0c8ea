"""What integrations see of a product, and what they are told when it changes: the whole table."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.catalog.queries import Product
from services.catalog.visibility import event_type, is_visible

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SHOWN = Product(
    store_id="st_a",
    id="p",
    display_name="Shea",
    description="",
    category="",
    brand="",
    sku=None,
    barcode="",
    price_amount=None,
    price_currency=None,
    stock_count=None,
    low_stock_threshold=None,
    item_type="product",
    images=(),
    status="published",
    website_visible=True,
    sort_order=0,
    version=1,
    create_time=NOW,
    update_time=NOW,
    delete_time=None,
    request_id=None,
)
DRAFT = replace(SHOWN, status="draft")
HIDDEN = replace(SHOWN, website_visible=False)
DELETED = replace(SHOWN, delete_time=NOW)
UNSEEN = [None, DRAFT, HIDDEN, DELETED, replace(DRAFT, website_visible=False)]


def test_only_what_is_published_visible_and_there_is_seen() -> None:
    assert is_visible(SHOWN)
    assert not any(is_visible(product) for product in UNSEEN)


@pytest.mark.parametrize("before", UNSEEN)
def test_becoming_visible_is_created(before: Product | None) -> None:
    assert event_type(before, SHOWN) == "product.created"


@pytest.mark.parametrize("after", UNSEEN)
def test_ceasing_to_be_visible_is_deleted(after: Product | None) -> None:
    assert event_type(SHOWN, after) == "product.deleted"


@pytest.mark.parametrize("before", UNSEEN)
@pytest.mark.parametrize("after", UNSEEN)
def test_what_nobody_sees_is_no_event(before: Product | None, after: Product | None) -> None:
    assert event_type(before, after) is None


def test_a_change_of_what_is_seen_is_updated() -> None:
    assert event_type(SHOWN, replace(SHOWN, sort_order=1)) == "product.updated"
