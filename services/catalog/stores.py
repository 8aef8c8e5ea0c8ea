"""Stores: the shops themselves."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.catalog import queries, writing
from services.catalog.feed import no_store
from services.catalog.queries import Store
from services.common.errors import Conflict, InvalidArgument
from services.common.paging import Page, PageRequest


def create_store(store: Store) -> Store:
    """Adds a store.

    Raises:
        AlreadyExists: its id is taken.
        InvalidArgument: it has no name.
    """
    _check(store)
    queries.insert_store(store)
    return store


def get_store(store_id: str) -> Store:
    """The store of this id.

    Raises:
        NotFound: there is none.
    """
    store = queries.find_store(store_id)
    if store is None:
        raise no_store(store_id)
    return store


def update_store(store_id: str, values: Mapping[str, Any], etag: str, now: datetime) -> Store:
    """Changes a store; `values` go by the names of `Store`'s fields. A change that changes nothing leaves it as it is.

    Raises:
        NotFound: there is none.
        Conflict: it is no longer what `etag` says.
        InvalidArgument: it would have no name.
    """
    before = writing.open_store(store_id)
    if etag and etag != before.etag:
        raise Conflict(
            "Somebody has changed this store since you read it. Read it again, then repeat your change.",
            reason="ETAG_MISMATCH",
        )
    wanted = replace(before, **values)
    _check(wanted)
    if wanted == before:
        return before
    after = replace(wanted, revision=before.revision + 1, update_time=now)
    queries.update_store(after)
    return after


def list_stores(ids: Collection[str] | None, request: PageRequest) -> Page[Store]:
    """A page of the stores with these ids, or of all."""
    return request.page(queries.list_stores(ids, request.after, request.limit), lambda store: [store.id])


def _check(store: Store) -> None:
    if not store.display_name.strip():
        raise InvalidArgument.field("store.display_name", "must not be empty")
