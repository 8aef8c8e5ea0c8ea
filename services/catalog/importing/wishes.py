"""What a row wishes for a product, or what is wrong with it: checked as the contract says, told in plain words.

What a file does not have a column for stays as it is. What it has one for becomes what stands there: an empty cell
empties.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from services.catalog.importing.amounts import Amount, NotAnAmountError, currency_code, read_amount
from services.catalog.importing.columns import Columns, named_currency
from services.catalog.importing.table import Record
from services.catalog.importing.words import (
    INT32,
    clean,
    is_shortened,
    one_line,
    read_count,
    read_item_type,
    read_truth,
)

# As in catalog.proto; a test compares.
MAX_LENGTHS = {"display_name": 200, "description": 5_000, "category": 100, "brand": 100, "sku": 64, "barcode": 64}
MAX_IMAGES = 10
MAX_URI = 2_048
MAX_ALT_TEXT = 250
MAX_SHOWN = 100
"""Letters of a cell that a problem repeats."""
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#\"<>\\^`{|}]+[^\s\"<>\\^`{|}]*")


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Something that is wrong with a row."""

    row: int
    column: str
    """As the file names it; empty: the row as a whole."""
    value: str
    description: str
    """What is wrong and what it must be."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a product."""

    uri: str
    alt_text: str | None
    """None: the file says nothing of it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one row wishes for one product."""

    row: int
    name: str
    sku: str = ""
    product_id: str = ""
    """Of one of the store's products, if there is such a one."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """New values by the names of a product's fields; pictures as `Picture`s."""
    problems: tuple[RowProblem, ...] = ()
    is_name_taken: bool = False
    """Whether an earlier row of the file has the same name: then it tells nothing."""


@dataclass(frozen=True)
class Marks:
    """How amounts are written in a file."""

    decimal: Mapping[str, str] = field(default_factory=dict)
    """The mark before the decimals by field, where it is known."""


class Row:
    """A row as it is read, cell by cell; collects what is wrong with it."""

    def __init__(self, record: Record, columns: Columns, marks: Marks) -> None:
        self.number = record.row
        self.columns = columns
        self.problems: list[RowProblem] = []
        self._cells = record.cells
        self._marks = marks
        self._is_shifted = False
        if any(cell.strip() for cell in record.cells[columns.width :]):
            self.refuse("", "has more cells than the first row has columns. A text with a comma in it must be quoted")
            self._is_shifted = True  # whatever else is found would only be an effect of that

    def has(self, name: str) -> bool:
        """Whether the row says anything of this field, be it nothing."""
        return self.columns.at.get(name, len(self._cells)) < len(self._cells)

    def cell(self, name: str) -> str:
        """What stands in the field's column, without space around it."""
        return clean(self._cells[self.columns.at[name]]) if self.has(name) else ""

    def refuse(self, name: str, description: str, value: str | None = None) -> None:
        """Notes what is wrong with a field; empty: with the row."""
        if self._is_shifted:
            return
        shown = self.cell(name) if value is None and name else value or ""
        cut = shown if len(shown) <= MAX_SHOWN else shown[: MAX_SHOWN - 1] + "…"
        self.problems.append(RowProblem(self.number, self.columns.names.get(name, ""), cut, description))

    def line(self, name: str, limit: str) -> str:
        """A text of one line, no longer than the product's field `limit` may be."""
        text = one_line(self.cell(name))
        self.check_length(name, text, limit)
        return text

    def code(self, name: str, limit: str) -> str:
        """A sku or bar code."""
        text = self.line(name, limit)
        if is_shortened(text):
            self.refuse(
                name, "was shortened by a spreadsheet, and its last digits are lost. Make the column text, not numbers"
            )
        return text

    def check_length(self, name: str, text: str, limit: str) -> None:
        """Notes it if a text is longer than the product's field `limit` may be."""
        longest = MAX_LENGTHS[limit]
        if len(text) > longest:
            self.refuse(name, f"is {len(text):,} letters long. At most {longest:,} are possible")

    def amount(self, name: str) -> Amount | None:
        """An amount; None where there is none, or none that can be read."""
        try:
            return read_amount(self.cell(name), self._marks.decimal.get(name, ""))
        except NotAnAmountError as problem:
            self.refuse(name, str(problem))
            return None

    def currency(self, name: str, amounts: list[Amount], column: str) -> str | None:
        """The currency of amounts: of the column for it, of their own words, or of their column's name `column`."""
        text = self.cell(name)
        own = {each.currency for each in amounts if each.currency}
        if text:
            code = text.upper() if re.fullmatch(r"[A-Za-z]{3}", text) else currency_code(text)
            if code is None:
                self.refuse(name, "is not a currency. Write its code, such as GHS")
            else:
                own.add(code)
        if len(own) > 1:
            self.refuse(column, "is in another currency than the row says. Write the amount alone")
        return own.pop() if own else named_currency(self.columns.names.get(column, ""))

    def count(self, name: str, *, least: int = -INT32) -> int | None:
        """A whole number; None where there is none, or none that can be read."""
        text = self.cell(name)
        if text in {"", "-", "–", "—"}:
            return None
        number = read_count(text)
        if number is None:
            self.refuse(name, "is not a whole number. Write it like 12")
        elif number < least:
            self.refuse(name, f"is too small. It must be {least} or more")
            return None
        return number

    def truth(self, name: str) -> bool | None:
        """Yes or no; None where neither is said."""
        text = self.cell(name)
        answer = read_truth(text) if text else None
        if text and answer is None:
            self.refuse(name, "is neither yes nor no. Write yes or no")
        return answer

    def item_type(self, name: str) -> str | None:
        """The kind of thing; None where none is said."""
        text = self.cell(name)
        kind = read_item_type(text) if text else None
        if text and kind is None:
            self.refuse(name, "is not a kind of thing. Write product, service, made to order, course or digital item")
        return kind

    def picture(self, name: str, uri: str, alt_text: str | None) -> Picture | None:
        """A picture; None if it is nowhere on the web."""
        if len(uri) > MAX_URI or not _WEB_ADDRESS.fullmatch(uri):
            self.refuse(name, "is not the web address of a picture. It must be like https://shop.example/shea.jpg", uri)
            return None
        return Picture(uri, alt_text if alt_text is None else alt_text[:MAX_ALT_TEXT])


def prices(price: Decimal | None, before: Decimal | None, currency: str | None) -> dict[str, Any]:
    """A price, and what it was before it was reduced, if it was."""
    reduced = price is not None and before is not None and before > price
    return {
        "price_amount": price,
        "price_currency": currency if price is not None else None,
        "compare_at_amount": before if reduced else None,
    }
