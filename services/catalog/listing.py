"""Lists of products: filters, orders, and whether anything has changed since somebody last asked."""

from dataclasses import dataclass

from services.catalog import queries
from services.catalog.feed import etag_of, feed_of, matches
from services.catalog.queries import Filter, Order, Product
from services.common.errors import InvalidArgument
from services.common.paging import PageRequest

_SORT_ORDER, _NAME, _CREATED = "p.sort_order", "lower(p.display_name)", "p.create_time"
_AMOUNT = "coalesce(p.price_amount, 0)"
# What has no price comes last either way: the first column says so, and runs as the second does.
ORDERS = {
    "": Order((_SORT_ORDER,), (int,)),
    "sortOrder": Order((_SORT_ORDER,), (int,)),
    "sortOrder desc": Order((_SORT_ORDER,), (int,), is_descending=True),
    "displayName": Order((_NAME,), (str,)),
    "displayName desc": Order((_NAME,), (str,), is_descending=True),
    "price": Order(("(p.price_amount IS NULL)::int", _AMOUNT), (int, str)),
    "price desc": Order(("(p.price_amount IS NOT NULL)::int", _AMOUNT), (int, str), is_descending=True),
    "createTime": Order((_CREATED,), (str,)),
    "createTime desc": Order((_CREATED,), (str,), is_descending=True),
}


@dataclass(frozen=True)
class Listing:
    """A page of products, or that nothing has changed."""

    etag: str
    products: tuple[Product, ...] = ()
    next_page_token: str = ""
    not_modified: bool = False


def order_of(text: str) -> Order:
    """The order of this name, "price desc".

    Raises:
        InvalidArgument: there is none; the message names those that there are.
    """
    order = ORDERS.get(" ".join(text.split()))
    if order is None:
        possible = ", ".join(f'"{name}"' for name in ORDERS if name and not name.endswith("desc"))
        raise InvalidArgument.field("order_by", f'must be one of {possible}, with " desc" behind it or without')
    return order


def list_products(store_id: str, wanted: Filter, order: Order, request: PageRequest, if_none_match: str) -> Listing:
    """A page of the store's products; `request` is of a scope that holds the filter and the order.

    Raises:
        NotFound: there is no such store.
    """
    # Before the products: an etag that is older than what it comes with costs one more look, no change that is missed.
    feed = feed_of(store_id, visible_only=wanted.visible_only)
    etag = etag_of(feed, request.signature)
    if matches(if_none_match, etag):
        return Listing(etag, not_modified=True)
    rows = queries.list_products(store_id, wanted, order, request.after, request.limit)
    page = request.page(rows, lambda row: row[1])
    return Listing(etag, tuple(product for product, _ in page.rows), page.next_page_token)
