"""The first look at a file, all the way through, before anything of it is taken over: how it is written, whose columns
it has, how many rows, and what only the whole can tell."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from services.catalog.importing import sedifex, shopify, woocommerce
from services.catalog.importing.amounts import common_mark, decimal_mark
from services.catalog.importing.columns import Columns, Names, plain_name, take_columns
from services.catalog.importing.repeats import without_repeats
from services.catalog.importing.table import Record, Table, read_table
from services.catalog.importing.text import SHOWN, UnreadableError, decoded, detect_encoding, lines
from services.catalog.importing.wishes import Marks, Wish
from services.catalog.importing.woocommerce import Parents
from services.catalog.importing.words import clean, one_line

FormatName = Literal["sedifex", "woocommerce", "shopify"]
MAX_ROWS = 200_000
SAMPLES = 3
"""Rows from which is told what stands in a column."""
MAX_SAMPLE = 60
NAMES: dict[FormatName, Names] = {
    "sedifex": sedifex.NAMES,
    "woocommerce": woocommerce.NAMES,
    "shopify": shopify.NAMES,
}
TITLES = {"sedifex": "Sedifex", "woocommerce": "WooCommerce", "shopify": "Shopify"}
_AMOUNTS = {"sedifex": sedifex.AMOUNTS, "woocommerce": woocommerce.AMOUNTS, "shopify": shopify.AMOUNTS}
_FIELDS = {"sedifex": sedifex.FIELDS, "woocommerce": woocommerce.FIELDS, "shopify": shopify.FIELDS}
_SIGNS: dict[FormatName, tuple[frozenset[str], ...]] = {
    "woocommerce": (frozenset({"type", "name", "regular price"}), frozenset({"parent", "name", "regular price"})),
    "shopify": (
        frozenset({"handle", "title"}),
        frozenset({"url handle", "title"}),
        frozenset({"title", "variant price"}),
    ),
}
"""Columns that only such a file has together."""
_KNOWN = frozenset(name for names in NAMES.values() for candidates in names.values() for name in candidates)

Chunks = Callable[[], Iterable[bytes]]
"""Begins the file anew each time."""


@dataclass(frozen=True)
class Survey:
    """What has been found out about a file."""

    encoding: str
    """Python's name of it."""
    delimiter: str
    format: FormatName
    columns: Columns
    first_row: int
    """The one below the header, as a spreadsheet shows it."""
    rows: int
    """Below the header, blank ones included."""
    marks: Marks
    samples: tuple[tuple[str, ...], ...] = ()
    """By the place of the column: what stands in the first rows, cut."""
    parents: Parents = field(default_factory=Parents)

    @property
    def shown_encoding(self) -> str:
        """The encoding as people know it."""
        return SHOWN.get(self.encoding, self.encoding)

    def column_of(self, product_field: str) -> str:
        """The column that a product's field came from, as the file names it; empty: none."""
        return self.columns.names.get(_FIELDS[self.format].get(product_field, ""), "")


def survey(chunks: Chunks, wanted: FormatName | None) -> Survey:
    """Looks through the file. `wanted` is the format; None: to be found out.

    Raises:
        UnreadableError: it cannot be read, has no column for the name, or too many rows.
    """
    encoding = detect_encoding(chunks())
    table = _open(chunks, encoding)
    form = wanted or detect_format(table.header)
    columns = _columns(table.header, form)
    amounts = {name: columns.at[name] for name in _AMOUNTS[form] if name in columns.at}
    told: dict[str, set[str]] = {name: set() for name in amounts}
    parents, first, last = Parents(), None, None
    head: list[Record] = []
    for record in table.records:
        first, last = first or record, record
        if len(head) < SAMPLES and not record.is_blank:
            head.append(record)
        if record.row > MAX_ROWS + 1:
            raise UnreadableError(f"This file has more than {MAX_ROWS:,} rows. Split it, and import the parts.")
        for name, place in amounts.items():
            if place < len(record.cells):
                told[name].add(decimal_mark(clean(record.cells[place])))
        if form == "woocommerce":
            parents.gather(record, columns, Marks())
    if last is None or first is None:
        raise UnreadableError("This file has no rows below the names of its columns.")
    rows = last.row - first.row + 1
    samples = tuple(tuple(_sample(each, place) for each in head) for place in range(columns.width))
    return Survey(encoding, table.delimiter, form, columns, first.row, rows, _marks(told), samples, parents)


def read_wishes(chunks: Chunks, found: Survey, today: date) -> Iterator[Wish]:
    """The wishes of a file that has been surveyed, in the order of its rows: the same ones each time.

    Raises:
        UnreadableError: it is another file now.
    """
    records = _open(chunks, found.encoding).records
    return without_repeats(_read(records, found, today), found.columns.names)


def detect_format(header: Iterable[str]) -> FormatName:
    """Whose columns these are."""
    names = {plain_name(column) for column in header}
    for form, signs in _SIGNS.items():
        if any(sign <= names for sign in signs):
            return form
    return "sedifex"


def _read(records: Iterator[Record], found: Survey, today: date) -> Iterator[Wish]:
    match found.format:
        case "woocommerce":
            return woocommerce.read_wishes(records, found.columns, found.marks, found.parents, today)
        case "shopify":
            return shopify.read_wishes(records, found.columns, found.marks)
        case _:
            return sedifex.read_wishes(records, found.columns, found.marks)


def _open(chunks: Chunks, encoding: str) -> Table:
    return read_table(lines(decoded(chunks(), encoding)), lambda column: plain_name(column) in _KNOWN)


def _sample(record: Record, place: int) -> str:
    text = one_line(clean(record.cells[place])) if place < len(record.cells) else ""
    return text if len(text) <= MAX_SAMPLE else f"{text[: MAX_SAMPLE - 1]}…"


def _columns(header: list[str], form: FormatName) -> Columns:
    columns = take_columns(header, NAMES[form])
    if "name" not in columns.at:
        shown = ", ".join(f"'{column[:30]}'" for column in header[:8]) + (", …" if len(header) > 8 else "")
        wanted = {"sedifex": "Name", "woocommerce": "Name", "shopify": "Title"}[form]
        raise UnreadableError(
            f"No column for the product's name was found. The first row has: {shown}. Name one of them '{wanted}'."
        )
    return columns


def _marks(told: dict[str, set[str]]) -> Marks:
    """The mark of each column; one that does not tell is written as the others are."""
    everywhere = common_mark(mark for marks in told.values() for mark in marks)
    return Marks({name: common_mark(marks) if marks - {""} else everywhere for name, marks in told.items()})
