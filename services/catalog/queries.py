"""All SQL of the Catalog service. What it answers are frozen records; no peewee model leaves this file."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import peewee

from services.catalog.models import ProductRow, StoreRow
from services.common.database import violated_constraint
from services.common.errors import AlreadyExists
from services.common.paging import Position


@dataclass(frozen=True)
class Store:
    """A store as it is kept."""

    id: str
    display_name: str
    environment: str
    """'live' or 'test'."""
    currency_code: str
    phone: str
    whatsapp_number: str
    city: str
    country: str
    website_uri: str
    logo_uri: str
    version: int
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True)
class Image:
    """A picture of a product."""

    uri: str
    alt_text: str
    width_pixels: int
    height_pixels: int


@dataclass(frozen=True)
class Product:
    """A product as it is kept, deleted ones included."""

    store_id: str
    id: str
    display_name: str
    description: str
    category: str
    brand: str
    sku: str | None
    barcode: str
    price_amount: Decimal | None
    """Major units, two decimals; None: ask for the price."""
    price_currency: str | None
    stock_count: int | None
    """None: not tracked."""
    low_stock_threshold: int | None
    item_type: str
    images: tuple[Image, ...]
    status: str
    website_visible: bool
    sort_order: int
    version: int
    """The store's version that the last change of the product made."""
    create_time: datetime
    update_time: datetime
    delete_time: datetime | None
    request_id: str | None
    """The request that made it, if that had an id."""

    @property
    def etag(self) -> str:
        """A value that changes whenever the product does."""
        return str(self.version)


def insert_store(store: Store) -> None:
    """Adds a store.

    Raises:
        AlreadyExists: its id is taken.
    """
    if not StoreRow.insert(**asdict(store)).on_conflict_ignore().returning(StoreRow.id).execute():
        raise AlreadyExists(f"There is a store stores/{store.id} already.", reason="STORE_EXISTS")


def find_store(store_id: str) -> Store | None:
    """The store of this id."""
    return _store(StoreRow.select().where(StoreRow.id == store_id).dicts().first())


def lock_store(store_id: str) -> Store | None:
    """The store of this id, locked until the transaction ends, so that its versions follow the order of commits."""
    return _store(StoreRow.select().where(StoreRow.id == store_id).for_update().dicts().first())


def list_stores(ids: Collection[str] | None, after: Position | None, limit: int) -> list[Store]:
    """Stores by id, of all or of `ids`, from behind `after` ([id]) on."""
    query = StoreRow.select()
    if ids is not None:
        query = query.where(StoreRow.id.in_(list(ids)))
    if after is not None:
        query = query.where(StoreRow.id > after[0])
    rows: Any = query.order_by(StoreRow.id).limit(limit).dicts()
    return [Store(**row) for row in rows]


def set_store_version(store_id: str, version: int) -> None:
    """Moves the store on to `version`; its row must be locked."""
    StoreRow.update(version=version).where(StoreRow.id == store_id).execute()


def find_product(store_id: str, product_id: str) -> Product | None:
    """The product of this id, deleted or not."""
    query = ProductRow.select().where(ProductRow.store_id == store_id, ProductRow.id == product_id)
    row = query.dicts().first()
    return _product(row) if row else None


def find_product_by_request(store_id: str, request_id: str) -> Product | None:
    """The product that this request has made, deleted or not."""
    query = ProductRow.select().where(ProductRow.store_id == store_id, ProductRow.request_id == request_id)
    row = query.dicts().first()
    return _product(row) if row else None


def list_products(store_id: str, visible_only: bool, after: Position | None, limit: int) -> list[Product]:
    """Products that are not deleted, by sort order and id, from behind `after` ([sort order, id]) on."""
    query = ProductRow.select().where(ProductRow.store_id == store_id, ProductRow.delete_time.is_null())
    if visible_only:
        query = query.where(ProductRow.status == "published", ProductRow.website_visible)
    if after is not None:
        query = query.where(peewee.Tuple(ProductRow.sort_order, ProductRow.id) > peewee.Tuple(*after))
    rows: Any = query.order_by(ProductRow.sort_order, ProductRow.id).limit(limit).dicts()
    return [_product(row) for row in rows]


def save_product(product: Product) -> None:
    """Writes the whole product, new or not.

    Raises:
        AlreadyExists: another product of the store has its sku.
    """
    values = asdict(product) | {"images": [asdict(image) for image in product.images]}
    try:
        ProductRow.insert(**values).on_conflict(
            conflict_target=[ProductRow.store_id, ProductRow.id], update=values
        ).execute()
    except peewee.IntegrityError as failure:
        if violated_constraint(failure) == "product_sku":
            raise AlreadyExists(
                f"Another product of this store has the sku {product.sku}. A sku names one product only.",
                reason="SKU_TAKEN",
                metadata={"sku": product.sku or ""},
            ) from None
        raise


def _store(row: dict[str, Any] | None) -> Store | None:
    return Store(**row) if row else None


def _product(row: dict[str, Any]) -> Product:
    return Product(**row | {"images": tuple(Image(**image) for image in row["images"])})
