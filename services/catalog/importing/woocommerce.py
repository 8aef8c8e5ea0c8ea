"""The product export of WooCommerce (WC_Product_CSV_Exporter), its columns in English.

A variable product is not sold itself: its variations are, so they become products, "Parent – Value, Value", and take
over what they do not have of their own. The export has parents before variations as a rule, in whatever distance; so
the parents of a file are gathered first.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.catalog.importing.columns import Columns, Names
from services.catalog.importing.table import Record
from services.catalog.importing.text import UnreadableError
from services.catalog.importing.wishes import MAX_IMAGES, MAX_LENGTHS, Marks, Picture, Row, Wish, prices
from services.catalog.importing.words import (
    last_of_path,
    one_line,
    plain_text,
    read_day,
    shorten,
    split_list,
)

NAMES: Names = {
    "id": ("id",),
    "type": ("type",),
    "sku": ("sku",),
    "barcode": ("gtin upc ean or isbn",),
    "name": ("name",),
    "published": ("published",),
    "visibility": ("visibility in catalog",),
    "short_description": ("short description",),
    "description": ("description",),
    "sale_starts": ("date sale price starts",),
    "sale_ends": ("date sale price ends",),
    "in_stock": ("in stock",),
    "stock": ("stock",),
    "low_stock": ("low stock amount",),
    "sale_price": ("sale price",),
    "price": ("regular price",),
    "categories": ("categories",),
    "images": ("images",),
    "parent": ("parent",),
    "position": ("position",),
    "brands": ("brands",),
    **{f"attribute{number}": (f"attribute {number} value",) for number in range(1, 11)},
}
AMOUNTS = ("price", "sale_price")
FIELDS = {
    "display_name": "name",
    "price_amount": "price",
    "price": "price",
    "compare_at_price": "price",
    "stock_count": "stock",
    "low_stock_threshold": "low_stock",
    "sku": "sku",
}
MAX_PARENT_LETTERS = 16 * 1024 * 1024
"""Held in memory of all parents of a file."""
_VARIABLE = frozenset({"variable", "variable-subscription"})
_VARIATION = frozenset({"variation", "subscription_variation"})
_GROUPED = frozenset({"grouped"})
_PUBLISHED = {"1": ("published", True), "0": ("published", False), "-1": ("draft", True), "2": ("draft", True)}
"""Status and whether websites show it: public, private, draft, waiting for review."""


@dataclass(frozen=True, slots=True)
class Parent:
    """What variations take over from a variable product."""

    name: str
    values: Mapping[str, Any]
    stock: int | None


class Parents:
    """The variable products of a file, by "id:…" and by sku."""

    def __init__(self) -> None:
        self._found: dict[str, Parent] = {}
        self._letters = 0

    def gather(self, record: Record, columns: Columns, marks: Marks) -> None:
        """Keeps the row's product, if it is a variable one.

        Raises:
            UnreadableError: there are too many to keep.
        """
        row = Row(record, columns, marks)
        if not _types(row) & _VARIABLE:
            return
        values = _common(row)
        parent = Parent(
            one_line(row.cell("name")), values, row.count("stock") if row.cell("stock") != "parent" else None
        )
        self._letters += len(parent.name) + len(values.get("description", "")) + 2_000
        if self._letters > MAX_PARENT_LETTERS:
            raise UnreadableError(
                "This file has more products with variations than can be read at once. Export it in parts, for example "
                "a category at a time."
            )
        for key in (f"id:{row.cell('id')}", row.cell("sku")):
            if key not in {"id:", ""}:
                self._found.setdefault(key, parent)

    def find(self, key: str) -> Parent | None:
        """The parent that a variation names."""
        return self._found.get(key)


def read_wishes(
    records: Iterable[Record], columns: Columns, marks: Marks, parents: Parents, today: date
) -> Iterator[Wish]:
    """A wish for each product and each variation. `today` tells which sale prices count."""
    for record in records:
        if record.is_blank:
            continue
        row = Row(record, columns, marks)
        types = _types(row)
        if types & _VARIATION:
            yield _variation(row, parents, today)
        elif not types & (_VARIABLE | _GROUPED):
            yield _product(row, types, today)


def _product(row: Row, types: frozenset[str], today: date) -> Wish:
    name = row.line("name", "display_name")
    if not name:
        row.refuse("name", "is empty. Every product needs a name")
    values = {"display_name": name} | _common(row) | _prices(row, today) | _stock(row, types, None)
    return _wish(row, name, values)


def _variation(row: Row, parents: Parents, today: date) -> Wish:
    parent = parents.find(row.cell("parent"))
    if parent is None:
        row.refuse("parent", "is not in this file. A variation needs the product that it is a variation of")
        return _wish(row, row.cell("name"), {})
    chosen = [value for number in range(1, 11) for value in split_list(row.cell(f"attribute{number}"))]
    name = f"{parent.name} – {', '.join(chosen)}" if chosen else one_line(row.cell("name")) or parent.name
    if len(name) > MAX_LENGTHS["display_name"]:
        row.refuse("name", f"would be longer than {MAX_LENGTHS['display_name']} letters with its variation", name)
    own = _common(row)
    values = {**parent.values, **{field: value for field, value in own.items() if value or field not in parent.values}}
    values["website_visible"] = own.get("website_visible", True) and parent.values.get("website_visible", True)
    if "draft" in {own.get("status"), parent.values.get("status")}:
        values["status"] = "draft"
    values |= {"display_name": name} | _prices(row, today) | _stock(row, _types(row), parent.stock)
    return _wish(row, name, values)


def _wish(row: Row, name: str, values: dict[str, Any]) -> Wish:
    sku = row.code("sku", "sku")
    if sku:
        values["sku"] = sku
    if row.has("barcode"):
        values["barcode"] = row.code("barcode", "barcode")
    return Wish(row.number, name, sku, values=values, problems=tuple(row.problems))


def _types(row: Row) -> frozenset[str]:
    return frozenset(part.strip().lower() for part in row.cell("type").split(","))


def _common(row: Row) -> dict[str, Any]:
    """What a parent and its variations have alike."""
    values: dict[str, Any] = {}
    if row.has("description") or row.has("short_description"):
        text = _text(row.cell("description")) or _text(row.cell("short_description"))
        values["description"] = shorten(text, MAX_LENGTHS["description"])
    if row.has("categories"):
        first = next(iter(split_list(row.cell("categories"))), "")
        category = last_of_path(first)
        values["category"] = "" if category == "Uncategorized" else category[: MAX_LENGTHS["category"]]
    if row.has("brands"):
        values["brand"] = one_line(next(iter(split_list(row.cell("brands"))), ""))[: MAX_LENGTHS["brand"]]
    if row.has("images"):
        values["images"] = _pictures(row)
    published = row.cell("published")
    if published:
        status, visible = _PUBLISHED.get(published, ("draft", True))
        values["status"] = status
        values["website_visible"] = visible and row.cell("visibility").lower() != "hidden"
    if (position := row.count("position")) is not None:
        values["sort_order"] = position
    return values


def _prices(row: Row, today: date) -> dict[str, Any]:
    if not row.has("price"):
        return {}
    regular, sale = row.amount("price"), row.amount("sale_price")
    starts, ends = read_day(row.cell("sale_starts")), read_day(row.cell("sale_ends"))
    if (starts and today < starts) or (ends and today > ends):
        sale = None
    amounts = [each for each in (regular, sale) if each is not None]
    currency = row.currency("currency", amounts, "price")
    now = sale if sale and (regular is None or sale.amount < regular.amount) else regular
    return prices(now.amount if now else None, regular.amount if regular else None, currency)


def _stock(row: Row, types: frozenset[str], of_parent: int | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if "downloadable" in types:
        values["item_type"] = "digital_item"
    elif "virtual" in types:
        values["item_type"] = "service"
    elif row.has("type"):
        values["item_type"] = "product"
    if not row.has("stock"):
        return values
    count = of_parent if row.cell("stock") == "parent" else row.count("stock")
    if count is None and row.cell("in_stock") == "0":
        count = 0  # nobody counts it, and it is said to be out
    values["stock_count"] = count if values.get("item_type", "product") == "product" else None
    if row.has("low_stock"):
        values["low_stock_threshold"] = row.count("low_stock", least=0)
    return values


def _pictures(row: Row) -> tuple[Picture, ...]:
    uris = split_list(row.cell("images"))[:MAX_IMAGES]
    found = (row.picture("images", uri, None) for uri in uris)
    return tuple(picture for picture in found if picture)


def _text(cell: str) -> str:
    """A description: the export writes a line feed as a backslash and an n, and that itself with two."""
    return plain_text(re.sub(r"\\?\\n", lambda found: "\n" if len(found[0]) == 2 else r"\n", cell))
