"""How products are written: under the store's lock, with versions in the order of commits, and with their events.

Whoever writes holds the store's row until the commit. So the versions that readers find have no gap that is filled
later, and one who follows them misses nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from services.catalog import events, queries, visibility
from services.catalog.events import Pair
from services.catalog.feed import no_store
from services.catalog.queries import Price, Product, Store
from services.common.errors import InvalidArgument

CENT = Decimal("0.01")


def open_store(store_id: str) -> Store:
    """The store, locked, so that nobody else changes its products until the commit.

    Raises:
        NotFound: there is none.
    """
    store = queries.lock_store(store_id)
    if store is None:
        raise no_store(store_id)
    return store


def new_product(store: Store, product_id: str, now: datetime, request_id: str = "") -> Product:
    """A product of which nothing is known yet."""
    return Product(
        store_id=store.id,
        id=product_id,
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
        request_id=request_id or None,
    )


def checked(store: Store, product: Product) -> Product:
    """The product with what it leaves open filled in.

    Raises:
        InvalidArgument: it cannot be one.
    """
    if not product.display_name.strip():
        raise InvalidArgument.field("product.display_name", "must not be empty")
    if product.stock_count is not None and product.item_type != "product":
        raise InvalidArgument.field("product.stock_count", "is for goods (ITEM_TYPE_PRODUCT) only; leave it out")
    return _with_prices(store, product)


def save(store: Store, changes: Sequence[Pair], new_event_id: Callable[[], str], now: datetime) -> list[Product]:
    """Writes products that differ from what they were, moves the store's version on, and tells: all or nothing.

    `changes` hold each product once, as it was and as it is to be; answers them as they are now.

    Raises:
        AlreadyExists: another product has the sku of one of them.
    """
    written: list[Pair] = []
    for number, (before, wanted) in enumerate(changes, start=store.version + 1):
        # What begins anew unseen was seen before: its tombstone must stay.
        seen = before.seen_version if before else None
        if visibility.event_type(before, wanted):
            seen = number
        written.append((before, replace(wanted, version=number, seen_version=seen, update_time=now)))
    products = [after for _, after in written]
    queries.save_products(products)
    last_seen = max(store.seen_version, *(each.seen_version or 0 for each in products))
    moved = replace(store, version=products[-1].version, seen_version=last_seen)
    queries.update_store(moved)
    events.tell(written, new_event_id, now)
    return products


def _with_prices(store: Store, product: Product) -> Product:
    if product.price_amount is None:
        if product.compare_at_amount is not None or product.other_prices:
            raise InvalidArgument.field("product.price", "must be there where there are other prices")
        return product
    price, currency = product.price_amount.quantize(CENT), product.price_currency or store.currency_code
    before = product.compare_at_amount.quantize(CENT) if product.compare_at_amount is not None else None
    if before is not None and before <= price:
        raise InvalidArgument.field("product.compare_at_price", "must be above the price; leave it out otherwise")
    others = sorted((Price(each.currency, each.amount.quantize(CENT)) for each in product.other_prices), key=_currency)
    currencies = [currency, *map(_currency, others)]
    if len(set(currencies)) < len(currencies):
        raise InvalidArgument.field("product.other_prices", "must have one price a currency, none in that of the price")
    return replace(
        product, price_amount=price, price_currency=currency, compare_at_amount=before, other_prices=tuple(others)
    )


def _currency(price: Price) -> str:
    return price.currency
