"""From lines to the rows of a table, numbered as a spreadsheet numbers them."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from services.catalog.importing.text import MAX_LINE, UnreadableError

DELIMITERS = (",", ";", "\t", "|")
MAX_COLUMNS = 1_000
_HEAD_LINES = 50
"""In which the header must be: one that goes over more lines is none."""
_SEPARATOR_LINE = re.compile(r'"?sep=([,;|\t])"?\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Record:
    """A row of the file."""

    row: int
    """As a spreadsheet shows it, blank ones counted; the header is usually 1."""
    cells: list[str]

    @property
    def is_blank(self) -> bool:
        """Whether nothing stands in it."""
        return not any(cell.strip() for cell in self.cells)


@dataclass(frozen=True)
class Table:
    """A file's header, and its rows below that."""

    delimiter: str
    header: list[str]
    records: Iterator[Record]


def read_table(lines: Iterable[str], is_known: Callable[[str], bool]) -> Table:
    """Finds the delimiter and the header; the rows are read as they are asked for.

    The delimiter is the one that makes most of the first row's columns known ones (`is_known`), then the one that makes
    most columns of it.

    Raises:
        UnreadableError: there is nothing in it, or it is no table; also while its rows are read.
    """
    rest = iter(lines)
    head = list(islice(rest, _HEAD_LINES))
    named = _SEPARATOR_LINE.fullmatch(head[0]) if head else None
    if named:  # a hint for Excel, which shows it as no row
        head = head[1:]
    delimiter = named[1] if named else _detect_delimiter(head, is_known)
    records = read_records(chain(head, rest), delimiter)
    header = next((each for each in records if not each.is_blank), None)
    if header is None:
        raise UnreadableError("This file is empty. It needs a first row that names the columns, and a row a product.")
    if len(header.cells) > MAX_COLUMNS:
        raise UnreadableError(f"This file has more than {MAX_COLUMNS:,} columns. Remove those that are not needed.")
    return Table(delimiter, [cell.strip() for cell in header.cells], records)


def read_records(lines: Iterable[str], delimiter: str) -> Iterator[Record]:
    """The rows, from row 1 on.

    Raises:
        UnreadableError: quotation marks do not match, or a row has no end.
    """
    row = 1
    held = _Held(lines)
    # Strict: a quotation mark that is never closed would otherwise swallow the rows below it without a word.
    reader = csv.reader(held, delimiter=delimiter, strict=True)
    try:
        for row, cells in enumerate(reader, start=1):
            yield Record(row, cells)
            held.size = 0
            row += 1  # noqa: PLW2901 - the one that is read next
    except csv.Error:
        raise UnreadableError(
            f"The quotation marks in row {row} do not match. Inside a quoted text a quotation mark is written twice."
        ) from None


class _Held:
    """Hands lines on and counts what the row at hand has taken of them."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.size += len(line)
        if self.size > MAX_LINE:
            raise csv.Error
        return line


def _detect_delimiter(head: Sequence[str], is_known: Callable[[str], bool]) -> str:
    def score(delimiter: str) -> tuple[int, int]:
        try:
            header = next((each for each in read_records(head, delimiter) if not each.is_blank), None)
        except UnreadableError:
            return 0, 0
        cells = header.cells if header else []
        return sum(1 for cell in cells if is_known(cell)), len(cells)

    return max(DELIMITERS, key=score)
