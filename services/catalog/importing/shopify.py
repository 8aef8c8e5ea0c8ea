"""The product export of Shopify: the columns that it has written for years, and those of its newer template.

The rows of one handle stand together. The first has what the product is; it and those below have a variant each, a
further picture, or both. A variant becomes a product of its own, "Title – Value, Value", unless it is the only one.
What a product costs the shop ("Cost per item") is not taken over.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from services.catalog.importing.columns import Columns, Names
from services.catalog.importing.table import Record
from services.catalog.importing.text import UnreadableError
from services.catalog.importing.wishes import MAX_IMAGES, MAX_LENGTHS, Marks, Picture, Row, Wish, prices
from services.catalog.importing.words import last_of_path, one_line, plain_text, shorten

NAMES: Names = {
    "handle": ("handle", "url handle"),
    "name": ("title",),
    "description": ("body html", "body", "description"),
    "brand": ("vendor",),
    "category": ("type", "custom product type"),
    "standard_category": ("product category", "standard product type"),
    "published": ("published", "published on online store"),
    "status": ("status",),
    "sku": ("variant sku", "sku"),
    "barcode": ("variant barcode", "barcode"),
    "price": ("variant price", "price"),
    "compare_at": ("variant compare at price", "compare at price"),
    "tracker": ("variant inventory tracker", "inventory tracker"),
    "stock": ("variant inventory qty", "inventory quantity"),
    "image": ("image src", "product image url"),
    "image_position": ("image position",),
    "image_alt": ("image alt text",),
    "variant_image": ("variant image", "variant image url"),
    "gift_card": ("gift card",),
    **{f"option{number}": (f"option{number} value", f"option {number} value") for number in range(1, 4)},
}
AMOUNTS = ("price", "compare_at")
FIELDS = {
    "display_name": "name",
    "price_amount": "price",
    "price": "price",
    "compare_at_price": "compare_at",
    "stock_count": "stock",
    "sku": "sku",
}
MAX_ROWS = 5_000
"""Of one product, which are read together; Shopify has at most 2,048 variants and 250 pictures."""
_OPTIONS = ("option1", "option2", "option3")
_NO_OPTION = "Default Title"
_LAST = 10**6


def read_wishes(records: Iterable[Record], columns: Columns, marks: Marks) -> Iterator[Wish]:
    """A wish for each variant.

    Raises:
        UnreadableError: a product has too many rows.
    """
    rows = (Row(record, columns, marks) for record in records if not record.is_blank)
    for handle, group in groupby(rows, key=_key):
        together: list[Row] = []
        for row in group:
            together.append(row)
            if len(together) > MAX_ROWS:
                raise UnreadableError(f"The product '{handle[:100]}' has more than {MAX_ROWS:,} rows. Split it up.")
        yield from _wishes(together)


def _wishes(rows: list[Row]) -> Iterator[Wish]:
    first = rows[0]
    title = one_line(first.cell("name"))
    variants = [row for row in rows if row is first or _is_variant(row)]
    if not title:
        first.refuse("name", "is empty. The rows of a product stand together, the one with its title first")
        yield Wish(first.number, "", problems=tuple(first.problems))
        return
    common, pictures = _common(first), _pictures(rows)
    spoiled = [problem for row in rows if row not in variants for problem in row.problems]
    first.problems.extend(spoiled)
    for row in variants:
        yield _variant(row, title, common, pictures)


def _key(row: Row) -> str:
    """What rows of one product have alike; without a handle a row is a product of its own."""
    return row.cell("handle") or f"row {row.number}"


def _is_variant(row: Row) -> bool:
    return any(row.cell(name) for name in ("sku", "price", *_OPTIONS))


def _variant(row: Row, title: str, common: dict[str, Any], pictures: tuple[Picture, ...]) -> Wish:
    chosen = [value for name in _OPTIONS if (value := one_line(row.cell(name))) and value != _NO_OPTION]
    name = f"{title} – {', '.join(chosen)}" if chosen else title
    if len(name) > MAX_LENGTHS["display_name"]:
        row.refuse("name", f"is longer than {MAX_LENGTHS['display_name']} letters", name)
    sku = row.code("sku", "sku")
    values = {"display_name": name} | common | _prices(row) | _stock(row)
    if values.get("item_type", "product") != "product":
        values["stock_count"] = None
    if sku:
        values["sku"] = sku
    if row.has("barcode"):
        values["barcode"] = row.code("barcode", "barcode")
    if row.has("image"):
        values["images"] = _with_own(row, pictures)
    return Wish(row.number, name, sku, values=values, problems=tuple(row.problems))


def _common(row: Row) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if row.has("description"):
        values["description"] = shorten(plain_text(row.cell("description")), MAX_LENGTHS["description"])
    if row.has("brand"):
        values["brand"] = one_line(row.cell("brand"))[: MAX_LENGTHS["brand"]]
    if row.has("category") or row.has("standard_category"):
        category = one_line(row.cell("category")) or last_of_path(row.cell("standard_category"))
        values["category"] = category[: MAX_LENGTHS["category"]]
    status = row.cell("status").lower()
    if status:
        values["status"] = "published" if status in {"active", "unlisted"} else "draft"
    published = row.truth("published")
    if published is not None or status:
        values["website_visible"] = published is not False and status not in {"archived", "unlisted"}
    if row.has("gift_card"):
        values["item_type"] = "digital_item" if row.truth("gift_card") else "product"
    return values


def _prices(row: Row) -> dict[str, Any]:
    if not row.has("price"):
        return {}
    price, before = row.amount("price"), row.amount("compare_at")
    amounts = [each for each in (price, before) if each is not None]
    currency = row.currency("currency", amounts, "price")
    return prices(price.amount if price else None, before.amount if before else None, currency)


def _stock(row: Row) -> dict[str, Any]:
    """What is in stock, if Shopify counts it; a shop with several places has its numbers in another file."""
    if row.has("tracker") and not row.cell("tracker"):
        return {"stock_count": None}
    return {"stock_count": row.count("stock")} if row.has("stock") else {}


def _pictures(rows: list[Row]) -> tuple[Picture, ...]:
    """The pictures of a product in their order."""
    placed: list[tuple[int, Picture]] = []
    for row in rows:
        uri = row.cell("image")
        picture = row.picture("image", uri, row.cell("image_alt") if row.has("image_alt") else None) if uri else None
        if picture:
            place = row.cell("image_position")
            placed.append((int(place) if place.isascii() and place.isdecimal() and len(place) < 6 else _LAST, picture))
    placed.sort(key=lambda each: each[0])
    return tuple(picture for _, picture in placed)[:MAX_IMAGES]


def _with_own(row: Row, pictures: tuple[Picture, ...]) -> tuple[Picture, ...]:
    """The pictures, the variant's own first."""
    uri = row.cell("variant_image")
    own = row.picture("variant_image", uri, None) if uri else None
    if own is None:
        return pictures
    known = next((each for each in pictures if each.uri == own.uri), own)
    return (known, *(each for each in pictures if each.uri != own.uri))[:MAX_IMAGES]
