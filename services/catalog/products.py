"""Products: how they come, change and go."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from services.catalog import queries, visibility, writing
from services.catalog.queries import Product, Store
from services.common.errors import AlreadyExists, Conflict, NotFound

TOMBSTONES_KEPT = timedelta(days=30)
"""How long a deleted product can be brought back, and followers are told that it went."""


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


@dataclass(frozen=True)
class Occasion:
    """When a change is made, and where the ids of its events come from."""

    now: datetime
    new_event_id: Callable[[], str]


def get_product(store_id: str, product_id: str, *, visible_only: bool) -> Product:
    """The product of this id.

    Raises:
        NotFound: there is none, or none that the caller may see.
    """
    product = queries.find_product(store_id, product_id)
    if product is None or product.delete_time or (visible_only and not visibility.is_visible(product)):
        raise _no_product(store_id, product_id)
    return product


def create_product(change: Change, occasion: Occasion) -> Product:
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
    return _save(store, before, _new(store, change, occasion), occasion)


def update_product(change: Change, occasion: Occasion, *, allow_missing: bool) -> Product:
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
        return _save(store, before, _new(store, change, occasion), occasion)
    _check_etag(before, change.etag)
    return _save(store, before, replace(before, **change.values), occasion)


def delete_product(change: Change, occasion: Occasion) -> None:
    """Removes a product.

    Raises:
        NotFound: there is none.
        Conflict: the product is no longer what `change.etag` says.
    """
    store, before = _open(change)
    if before is None or before.delete_time is not None:
        raise _no_product(change.store_id, change.product_id)
    _check_etag(before, change.etag)
    _save(store, before, replace(before, delete_time=occasion.now), occasion)


def undelete_product(change: Change, occasion: Occasion) -> Product:
    """Brings a deleted product back as it was; one that is there stays as it is.

    Raises:
        NotFound: there is none, or it was deleted too long ago.
        Conflict: the product is no longer what `change.etag` says.
        AlreadyExists: another product has its sku now.
    """
    store, before = _open(change)
    if before is None:
        raise _no_product(change.store_id, change.product_id)
    _check_etag(before, change.etag)
    return _save(store, before, replace(before, delete_time=None), occasion)


def forget_deleted(now: datetime, limit: int) -> int:
    """Removes for good what was deleted too long ago, some at a time; says how many."""
    before = now - TOMBSTONES_KEPT
    store_id = queries.find_store_to_clear(before)
    if store_id is None:
        return 0
    writing.open_store(store_id)
    return queries.forget_deleted(store_id, before, limit)


def _open(change: Change) -> tuple[Store, Product | None]:
    store = writing.open_store(change.store_id)
    return store, queries.find_product(change.store_id, change.product_id)


def _save(store: Store, before: Product | None, wanted: Product, occasion: Occasion) -> Product:
    wanted = writing.checked(store, wanted)
    if wanted == before:
        return before
    (after,) = writing.save(store, [(before, wanted)], occasion.new_event_id, occasion.now)
    return after


def _new(store: Store, change: Change, occasion: Occasion) -> Product:
    empty = writing.new_product(store, change.product_id, occasion.now, change.request_id)
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
