"""Which column of a file is taken for what."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.catalog.importing.amounts import currency_code
from services.catalog.importing.text import UnreadableError

Names = Mapping[str, Sequence[str]]
"""The names that columns go by, in `plain_name`'s form, for each field; those that say it best first."""


@dataclass(frozen=True)
class Columns:
    """Where the fields stand in a row."""

    at: Mapping[str, int]
    """The place of each field's column."""
    names: Mapping[str, str]
    """The column of each field, as the file names it."""
    unused: tuple[str, ...]
    """The columns that stand for nothing."""
    width: int
    """How many columns the file has."""


def plain_name(column: str) -> str:
    """A column's name without what people write differently: "Selling Price (GHS)" and "sellingPrice" alike."""
    words = re.sub(r"\([^)]*\)", " ", column)
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", words)
    return " ".join(re.findall(r"[^\W_]+", words.casefold()))


def named_currency(column: str) -> str | None:
    """The currency in a column's name: "Price (GH₵)" -> "GHS"."""
    inside = re.search(r"\(([^)]*)\)", column)
    return currency_code(inside[1]) if inside else None


def take_columns(header: Sequence[str], names: Names) -> Columns:
    """Takes the best column for each field.

    Raises:
        UnreadableError: two columns of one name are as good for a field.
    """
    places: dict[str, list[int]] = {}
    for place, column in enumerate(header):
        places.setdefault(plain_name(column), []).append(place)
    at: dict[str, int] = {}
    for field, candidates in names.items():
        found = next(
            (places[name] for name in candidates if name in places and places[name][0] not in at.values()), None
        )
        if found is None:
            continue
        if len(found) > 1:
            raise UnreadableError(
                f"Two columns are called '{header[found[0]]}'. Rename or remove one, so that there is no doubt."
            )
        at[field] = found[0]
    used = set(at.values())
    unused = tuple(column for place, column in enumerate(header) if column and place not in used)
    return Columns(at, {field: header[place] for field, place in at.items()}, unused, len(header))
