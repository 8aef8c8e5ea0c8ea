"""Files as the tests of importing read them."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from services.catalog.importing.survey import FormatName, Survey, read_wishes, survey
from services.catalog.importing.wishes import Wish

SAMPLES = Path(__file__).resolve().parents[4] / "samples"
TODAY = date(2026, 4, 1)


def look_through(content: str | bytes, form: FormatName | None = None, piece: int = 11) -> Survey:
    """What the first look finds; the content comes in pieces of so many bytes."""
    return survey(lambda: _pieces(content, piece), form)


def read(content: str | bytes, form: FormatName | None = None, piece: int = 11) -> list[Wish]:
    """The wishes of a file."""
    found = look_through(content, form, piece)
    return list(read_wishes(lambda: _pieces(content, piece), found, TODAY))


def problems(content: str | bytes) -> list[tuple[int, str, str, str]]:
    """What is wrong with the rows of a file: row, column, value and what it must be."""
    found = [problem for wish in read(content) for problem in wish.problems]
    return [(each.row, each.column, each.value, each.description) for each in found]


def _pieces(content: str | bytes, piece: int) -> Iterator[bytes]:
    data = content.encode() if isinstance(content, str) else content
    return (data[at : at + piece] for at in range(0, len(data), piece))
