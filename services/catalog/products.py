"""Products: how they come, change and go. Every change that shows moves the store's version on by one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.catalog import events, queries, visibility
from services.catalog.queries import Product, Store
from services.common.errors import AlreadyExists, Conflict, InvalidArgument, NotFound
from services.common.paging import Page, PageRequest


@dataclass(frozen=True)
class Change:
    """A wish to change one product."""

    store_id: str
    product_id: str
    values: Mapping[str, Any]
    """New values by the names of `Product`'s fields."""
    etag: str = ""
    """The etag that the product must still have; empty: any."""
    request_id: str = ""
    """What makes a repeat of a creation harmless; empty: nothing."""


def get_product(store_id: str, product_id: str, *, visible_only: bool) -> Product:
    """The product of this id.

    Raises:
        NotFound: there is none, or none that the caller may see.
    """
    product = queries.find_product(store_id, product_id)
    if product is None or product.delete_time or (visible_only and not visibility.is_visible(product)):
        raise _no_product(store_id, product_id)
    return product


def list_products(store_id: str, request: PageRequest, *, visible_only: bool) -> Page[Product]:
    """A page of the store's products, by sort order."""
    rows = queries.list_products(store_id, visible_only, request.after, request.limit)
    return request.page(rows, lambda product: [product.sort_order, product.id])


def create_product(change: Change, event_id: str, now: datetime) -> Product:
    """Adds a product; a repeat of the request that added it answers with it, as it is now.

    Raises:
        NotFound: there is no such store.
        AlreadyExists: its id or sku is taken.
        InvalidArgument: the values do not make a product.
    """
    store, before = _open(change)
    if change.request_id and (made := queries.find_product_by_request(store.id, change.request_id)):
        return made
    if before is not None and before.delete_time is None:
        name = f"stores/{change.store_id}/products/{change.product_id}"
        raise AlreadyExists(f"There is a product {name} already. Update it instead.", reason="PRODUCT_EXISTS")
    return _save(store, before, _new(store, change, now), event_id, now)


def update_product(change: Change, event_id: str, now: datetime, *, allow_missing: bool) -> Product:
    """Changes a product, or adds it if `allow_missing`. A change that changes nothing leaves everything as it is.

    Raises:
        NotFound: there is no such store, or no such product and it may not be added.
        Conflict: the product is no longer what `change.etag` says.
        AlreadyExists: its new sku is taken.
        InvalidArgument: the values do not make a product.
    """
    store, before = _open(change)
    if before is None or before.delete_time is not None:
        if not allow_missing:
            raise _no_product(change.store_id, change.product_id)
        if change.etag:
            raise _changed_since()  # whoever has an etag has seen it: it has been deleted since
        return _save(store, before, _new(store, change, now), event_id, now)
    _check_etag(before, change.etag)
    return _save(store, before, replace(before, **change.values), event_id, now)


def delete_product(change: Change, event_id: str, now: datetime) -> None:
    """Removes a product.

    Raises:
        NotFound: there is none.
        Conflict: the product is no longer what `change.etag` says.
    """
    store, before = _open(change)
    if before is None or before.delete_time is not None:
        raise _no_product(change.store_id, change.product_id)
    _check_etag(before, change.etag)
    _save(store, before, replace(before, delete_time=now), event_id, now)


def _open(change: Change) -> tuple[Store, Product | None]:
    """Locks the store, so that nobody else changes its products until the commit, and finds the product."""
    store = queries.lock_store(change.store_id)
    if store is None:
        raise NotFound(f"There is no store stores/{change.store_id}.", reason="STORE_NOT_FOUND")
    return store, queries.find_product(change.store_id, change.product_id)


def _save(store: Store, before: Product | None, wanted: Product, event_id: str, now: datetime) -> Product:
    """Writes the product, moves the store's version and puts the event, if any, in the outbox: all or nothing."""
    wanted = _checked(store, wanted)
    if wanted == before:
        return before
    after = replace(wanted, version=store.version + 1, update_time=now)
    queries.save_product(after)
    queries.set_store_version(store.id, after.version)
    if kind := visibility.event_type(before, after):
        events.tell(event_id, kind, before, after, now)
    return after


def _checked(store: Store, product: Product) -> Product:
    """The product with what it leaves open filled in.

    Raises:
        InvalidArgument: it cannot be one.
    """
    if not product.display_name.strip():
        raise InvalidArgument.field("product.display_name", "must not be empty")
    if product.stock_count is not None and product.item_type != "product":
        raise InvalidArgument.field("product.stock_count", "is for goods (ITEM_TYPE_PRODUCT) only; leave it out")
    if product.price_amount is None:
        return product
    amount = product.price_amount.quantize(Decimal("0.01"))
    return replace(product, price_amount=amount, price_currency=product.price_currency or store.currency_code)


def _new(store: Store, change: Change, now: datetime) -> Product:
    empty = Product(
        store_id=store.id,
        id=change.product_id,
        display_name="",
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
        version=0,
        create_time=now,
        update_time=now,
        delete_time=None,
        request_id=change.request_id or None,
    )
    return replace(empty, **change.values)


def _check_etag(product: Product, wanted: str) -> None:
    if wanted and wanted != product.etag:
        raise _changed_since()


def _changed_since() -> Conflict:
    return Conflict(
        "Somebody has changed this product since you read it. Read it again, then repeat your change.",
        reason="ETAG_MISMATCH",
    )


def _no_product(store_id: str, product_id: str) -> NotFound:
    name = f"stores/{store_id}/products/{product_id}"
    return NotFound(f"There is no product {name}, or it is not shown to integrations.", reason="PRODUCT_NOT_FOUND")
