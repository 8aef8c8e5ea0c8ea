"""All SQL of the Catalog service. What it answers are frozen records."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

import psycopg2
from psycopg2.extras import execute_values

from services.catalog.models import StoreRow, handle
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
    """Counts the changes of its products, in the order of their commits."""
    create_time: datetime
    update_time: datetime
    revision: int = 1
    """Counts the changes of the store itself."""
    seen_version: int = 0
    """The version of the last change that integrations could see."""

    @property
    def etag(self) -> str:
        """A value that changes whenever the store itself does."""
        return str(self.revision)


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of a product."""

    uri: str
    alt_text: str
    width_pixels: int
    height_pixels: int


@dataclass(frozen=True, slots=True)
class Price:
    """A price in a currency other than that of the product's price."""

    currency: str
    amount: Decimal


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
    compare_at_amount: Decimal | None = None
    """What it cost before it was reduced, in the currency of the price."""
    other_prices: tuple[Price, ...] = ()
    """By currency."""
    seen_version: int | None = None
    """The version of its last change that integrations could see; None: they never saw it."""

    @property
    def etag(self) -> str:
        """A value that changes whenever the product does."""
        return str(self.version)

    def having(self, **values: Any) -> "Product":
        """The product with other values: `dataclasses.replace`, at an eighth of its price. A batch makes thousands."""
        other = object.__new__(Product)
        other.__dict__.update(self.__dict__, **values)
        return other


@dataclass(frozen=True)
class Feed:
    """How far a store's products have got, all or those that integrations see."""

    current: int
    """The version of the last change."""
    forgotten: int
    """The highest version of a tombstone that is not kept any more."""


@dataclass(frozen=True)
class Order:
    """An order of products: SQL for its sort values before the id, which all count in one direction."""

    columns: tuple[str, ...]
    types: tuple[type, ...]
    """Of the sort values, as a page token keeps them."""
    is_descending: bool = False


@dataclass(frozen=True)
class Filter:
    """Which products are wanted; what is empty or None does not matter."""

    visible_only: bool
    """Only what integrations see."""
    category: str = ""
    item_type: str = ""
    in_stock: bool | None = None
    words: tuple[str, ...] = ()
    """In lower case, all of which occur in name, sku or category."""
    updated_since: datetime | None = None
    status: str = ""
    show_deleted: bool = False


_COLUMNS = tuple(field.name for field in fields(Product))
_SELECT = ", ".join(f"p.{name}" for name in _COLUMNS)
_VISIBLE = "p.status = 'published' AND p.website_visible AND p.delete_time IS NULL"


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


def update_store(store: Store) -> None:
    """Writes what can be changed of a store, and how far it has got; its row must be locked."""
    values = asdict(store)
    for kept in ("id", "environment", "create_time"):
        del values[kept]
    StoreRow.update(**values).where(StoreRow.id == store.id).execute()


def find_feed(store_id: str, *, visible_only: bool) -> Feed | None:
    """How far the store's products have got: one row by its key. None: there is no such store."""
    names = "seen_version, forgotten_seen_version" if visible_only else "version, forgotten_version"
    row = handle.execute_sql(f"SELECT {names} FROM store WHERE id = %s", (store_id,)).fetchone()  # noqa: S608 - ours
    return Feed(*row) if row else None


def find_product(store_id: str, product_id: str) -> Product | None:
    """The product of this id, deleted or not."""
    return _one("p.store_id = %s AND p.id = %s", store_id, product_id)


def find_product_by_request(store_id: str, request_id: str) -> Product | None:
    """The product that this request has made, deleted or not."""
    return _one("p.store_id = %s AND p.request_id = %s", store_id, request_id)


def find_products(store_id: str, ids: Collection[str], skus: Collection[str]) -> list[Product]:
    """The products with these ids, deleted or not, and those with these skus that are not deleted."""
    statement = f"""
        SELECT {_SELECT} FROM product p
        WHERE p.store_id = %s AND (p.id = ANY (%s) OR (p.sku = ANY (%s) AND p.delete_time IS NULL))
    """  # noqa: S608 - names of our own fields
    return _all(statement, (store_id, list(ids), list(skus)))


def find_products_named(store_id: str, names: Collection[str]) -> list[Product]:
    """The products with exactly these names that are not deleted."""
    lowered = handle.execute_sql("SELECT array_agg(lower(name)) FROM unnest(%s) AS name", (list(names),)).fetchone()[0]
    # The lower case is what the index has. Both arrays are constants to the planner: where its statistics are behind,
    # in the middle of an import, it reads the store once at worst, and not once for each name.
    statement = f"""
        SELECT {_SELECT} FROM product p
        WHERE p.store_id = %s AND p.delete_time IS NULL
            AND lower(p.display_name) = ANY (%s) AND p.display_name = ANY (%s)
    """  # noqa: S608 - names of our own fields
    return _all(statement, (store_id, lowered, list(names)))


def list_products(
    store_id: str, wanted: Filter, order: Order, after: Position | None, limit: int
) -> list[tuple[Product, Position]]:
    """Products in an order, from behind `after` (sort values and id) on, each with its own sort values and id."""
    keys = (*order.columns, "p.id")
    conditions, values = _conditions(wanted)
    if after is not None:
        conditions.append(
            f"({', '.join(keys)}) {'<' if order.is_descending else '>'} ({', '.join(['%s'] * len(keys))})"
        )
        values += after
    direction = "DESC" if order.is_descending else "ASC"
    statement = f"""
        SELECT {_SELECT}, {", ".join(order.columns)} FROM product p
        WHERE p.store_id = %s AND {" AND ".join(conditions)}
        ORDER BY {", ".join(f"{key} {direction}" for key in keys)} LIMIT %s
    """  # noqa: S608 - names and expressions of our own
    rows = handle.execute_sql(statement, (store_id, *values, limit)).fetchall()
    width = len(_COLUMNS)
    return [
        (_product(row[:width]), [*(kind(each) for kind, each in zip(order.types, row[width:], strict=True)), row[1]])
        for row in rows
    ]


def list_changes(store_id: str, after: int, tombstones_after: int, limit: int, *, visible_only: bool) -> list[Product]:
    """Products by the version of their last change, from behind `after` on; of what is gone only what went later than
    `tombstones_after`. `visible_only`: as integrations see it."""
    version = "p.seen_version" if visible_only else "p.version"
    is_there = _VISIBLE if visible_only else "p.delete_time IS NULL"
    statement = f"""
        SELECT {_SELECT} FROM product p
        WHERE p.store_id = %s AND {version} > %s AND (({is_there}) OR {version} > %s)
        ORDER BY {version} LIMIT %s
    """  # noqa: S608 - names of our own
    return _all(statement, (store_id, after, tombstones_after, limit))


def save_products(products: Sequence[Product]) -> None:
    """Writes whole products, new or not, in one statement.

    Raises:
        AlreadyExists: another product of the store has the sku of one of them.
    """
    updates = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in {"store_id", "id"})
    statement = f"""
        INSERT INTO product ({", ".join(_COLUMNS)}) VALUES %s
        ON CONFLICT (store_id, id) DO UPDATE SET {updates}
    """  # noqa: S608 - names of our own fields
    try:
        with handle.cursor() as cursor:
            execute_values(cursor, statement, [_row(product) for product in products], page_size=len(products))
    except psycopg2.IntegrityError as failure:
        if violated_constraint(failure) == "product_sku":
            raise _sku_taken(products) from None
        raise


def release_skus(store_id: str, ids: Collection[str]) -> None:
    """Takes their skus from products, for those to be given anew in one statement, in whatever order."""
    handle.execute_sql("UPDATE product SET sku = NULL WHERE store_id = %s AND id = ANY (%s)", (store_id, list(ids)))


def find_store_to_clear(before: datetime) -> str | None:
    """A store that has products which were deleted before this moment."""
    statement = "SELECT store_id FROM product WHERE delete_time < %s ORDER BY delete_time LIMIT 1"
    row = handle.execute_sql(statement, (before,)).fetchone()
    return str(row[0]) if row else None


def forget_deleted(store_id: str, before: datetime, limit: int) -> int:
    """Removes products of a store that were deleted before this moment, some at a time, and notes that their
    tombstones are gone; answers how many. The store must be locked."""
    statement = """
        WITH gone AS (
            DELETE FROM product WHERE store_id = %(store)s AND id IN (
                SELECT id FROM product WHERE store_id = %(store)s AND delete_time < %(before)s LIMIT %(limit)s)
            RETURNING version, seen_version
        ), noted AS (
            -- A list that shows what was deleted is another one now: the version moves on.
            UPDATE store SET version = store.version + 1,
                forgotten_version = greatest(forgotten_version, (SELECT max(version) FROM gone)),
                forgotten_seen_version = greatest(forgotten_seen_version, (SELECT max(seen_version) FROM gone))
            WHERE id = %(store)s
        )
        SELECT count(*) FROM gone
    """
    values = {"store": store_id, "before": before, "limit": limit}
    return int(handle.execute_sql(statement, values).fetchone()[0])


def _conditions(wanted: Filter) -> tuple[list[str], list[Any]]:
    conditions, values = ["TRUE"], []
    if wanted.visible_only:
        conditions.append(_VISIBLE)
    elif not wanted.show_deleted:
        conditions.append("p.delete_time IS NULL")
    plain = {
        "p.category = %s": wanted.category,
        "p.item_type = %s": wanted.item_type,
        "p.status = %s": wanted.status,
        "p.update_time >= %s": wanted.updated_since,
    }
    for condition, value in plain.items():
        if value:
            conditions.append(condition)
            values.append(value)
    if wanted.in_stock is not None:
        conditions.append("coalesce(p.stock_count, 1) > 0" if wanted.in_stock else "p.stock_count <= 0")
    for word in wanted.words:
        conditions.append("position(%s IN p.search) > 0")
        values.append(word)
    return conditions, values


def _one(condition: str, *values: str) -> Product | None:
    found = _all(f"SELECT {_SELECT} FROM product p WHERE {condition}", values)  # noqa: S608 - conditions of our own
    return found[0] if found else None


def _all(statement: str, values: Iterable[Any]) -> list[Product]:
    return [_product(row) for row in handle.execute_sql(statement, tuple(values)).fetchall()]


def _store(row: dict[str, Any] | None) -> Store | None:
    return Store(**row) if row else None


_IMAGES, _PRICES = _COLUMNS.index("images"), _COLUMNS.index("other_prices")


def _product(row: Sequence[Any]) -> Product:
    values = list(row)
    values[_IMAGES] = tuple(Image(**image) for image in row[_IMAGES])
    values[_PRICES] = tuple(Price(currency, Decimal(amount)) for currency, amount in row[_PRICES])
    return Product(*values)


_values = attrgetter(*_COLUMNS)


def _row(product: Product) -> tuple[Any, ...]:
    values = list(_values(product))
    values[_IMAGES] = json.dumps([_image(image) for image in product.images])
    values[_PRICES] = json.dumps([[price.currency, str(price.amount)] for price in product.other_prices])
    return tuple(values)


def _image(image: Image) -> dict[str, object]:
    return {
        "uri": image.uri,
        "alt_text": image.alt_text,
        "width_pixels": image.width_pixels,
        "height_pixels": image.height_pixels,
    }


def _sku_taken(products: Sequence[Product]) -> AlreadyExists:
    sku = products[0].sku or ""
    return AlreadyExists(
        f"Another product of this store has the sku {sku}. A sku names one product only.",
        reason="SKU_TAKEN",
        metadata={"sku": sku},
    )
