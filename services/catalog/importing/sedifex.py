"""Sedifex's own columns, under the names that people give them. A name is enough."""

from collections.abc import Iterable, Iterator
from typing import Any

from services.catalog.importing.columns import Columns, Names
from services.catalog.importing.table import Record
from services.catalog.importing.wishes import MAX_IMAGES, Marks, Picture, Row, Wish, prices

NAMES: Names = {
    "id": ("id", "product id", "sedifex id"),
    "name": ("name", "product name", "display name", "item name", "product", "item", "title", "product title"),
    "sku": ("sku", "product code", "item code", "stock code", "code", "article number", "item number", "item no"),
    "barcode": ("barcode", "bar code", "ean", "upc", "gtin", "isbn"),
    "price": ("price", "selling price", "sales price", "unit price", "retail price", "amount", "sale price", "rate"),
    "compare_at": ("compare at price", "old price", "price before", "original price", "regular price", "was", "rrp"),
    "currency": ("currency", "currency code", "price currency"),
    "stock": ("stock", "stock count", "qty", "quantity", "stock quantity", "stock qty", "quantity on hand", "on hand"),
    "low_stock": (
        "low stock threshold", "reorder point", "reorder level", "low stock", "low stock amount", "minimum stock"
    ),
    "category": ("category", "categories", "product category", "department"),
    "description": ("description", "product description", "details"),
    "brand": ("brand", "brands", "brand name", "make", "manufacturer", "manufacturer name"),
    "item_type": ("item type", "product type", "type", "kind"),
    "images": ("images", "image", "image urls", "image url", "image uris", "pictures", "picture", "photos", "photo"),
    "image_alt": ("image alt", "image alt text", "alt text"),
    "status": ("status", "published", "is published"),
    "website_visible": ("website visible", "is website visible", "visible", "on website", "show on website"),
    "sort_order": ("sort order", "position", "order"),
}  # fmt: skip
AMOUNTS = ("price", "compare_at")
FIELDS = {
    "display_name": "name",
    "price_amount": "price",
    "price": "price",
    "compare_at_price": "compare_at",
    "stock_count": "stock",
    "low_stock_threshold": "low_stock",
    "sku": "sku",
}
"""Where the fields of a product come from, as far as the catalogue may find fault with them."""
_TEXTS = {"description": "description", "category": "category", "brand": "brand"}


def read_wishes(records: Iterable[Record], columns: Columns, marks: Marks) -> Iterator[Wish]:
    """A wish for each row that is not blank."""
    for record in records:
        if not record.is_blank:
            yield _wish(Row(record, columns, marks))


def _wish(row: Row) -> Wish:
    name = row.line("name", "display_name")
    if not name:
        row.refuse("name", "is empty. Every product needs a name")
    sku = row.code("sku", "sku")
    values: dict[str, Any] = {"display_name": name}
    if sku:  # what has no sku in the file keeps the one that it has
        values["sku"] = sku
    if row.has("barcode"):
        values["barcode"] = row.code("barcode", "barcode")
    values |= _texts(row) | _prices(row) | _counts(row) | _states(row)
    if row.has("images"):
        values["images"] = _pictures(row)
    own_id = row.cell("id").rpartition("/")[2]
    return Wish(row.number, name, sku, own_id, values, tuple(row.problems))


def _texts(row: Row) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field, name in _TEXTS.items():
        if row.has(name):
            text = row.cell(name) if name == "description" else row.line(name, field)
            if name == "description":
                row.check_length(name, text, field)
            values[field] = text
    return values


def _prices(row: Row) -> dict[str, Any]:
    if not row.has("price"):
        return {}
    price, before = row.amount("price"), row.amount("compare_at")
    if price is None and before is not None and not row.cell("price"):
        price, before = before, None  # "Regular price" beside an empty "Sale price"
    amounts = [each for each in (price, before) if each is not None]
    currency = row.currency("currency", amounts, "price")
    if price and before and before.amount <= price.amount:
        row.refuse("compare_at", "must be above the price. It is what the product cost before; empty it otherwise")
    values = prices(price.amount if price else None, before.amount if before else None, currency)
    if not row.has("compare_at"):
        del values["compare_at_amount"]
    return values


def _counts(row: Row) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if row.has("stock"):
        values["stock_count"] = row.count("stock")
    if row.has("low_stock"):
        values["low_stock_threshold"] = row.count("low_stock", least=0)
    if (order := row.count("sort_order")) is not None:
        values["sort_order"] = order
    return values


def _states(row: Row) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if kind := row.item_type("item_type"):
        values["item_type"] = kind
        if kind != "product" and row.has("stock"):
            if row.cell("stock") not in {"", "0"}:
                row.refuse("stock", "is for goods only. Leave it empty for a service, a course and the like")
            values["stock_count"] = None
    published = row.truth("status")
    if published is not None:
        values["status"] = "published" if published else "draft"
    visible = row.truth("website_visible")
    if visible is not None:
        values["website_visible"] = visible
    return values


def _pictures(row: Row) -> tuple[Picture, ...]:
    uris = row.cell("images").replace("|", " ").replace(";", " ").replace(", ", " ").split()
    uris = [part for uri in uris for part in uri.replace(",http", " http").split()]
    if len(uris) > MAX_IMAGES:
        row.refuse("images", f"has {len(uris)} pictures. At most {MAX_IMAGES} are possible")
    alt_text = row.cell("image_alt") if row.has("image_alt") else None
    found = (row.picture("images", uri, alt_text if place == 0 else None) for place, uri in enumerate(uris))
    return tuple(picture for picture in found if picture)
