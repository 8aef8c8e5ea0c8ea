"""Stores: the shops themselves."""

from collections.abc import Collection

from services.catalog import queries
from services.catalog.queries import Store
from services.common.errors import NotFound
from services.common.paging import Page, PageRequest


def create_store(store: Store) -> Store:
    """Adds a store.

    Raises:
        AlreadyExists: its id is taken.
    """
    queries.insert_store(store)
    return store


def get_store(store_id: str) -> Store:
    """The store of this id.

    Raises:
        NotFound: there is none.
    """
    store = queries.find_store(store_id)
    if store is None:
        raise NotFound(f"There is no store stores/{store_id}.", reason="STORE_NOT_FOUND")
    return store


def list_stores(ids: Collection[str] | None, request: PageRequest) -> Page[Store]:
    """A page of the stores with these ids, or of all."""
    return request.page(queries.list_stores(ids, request.after, request.limit), lambda store: [store.id])
