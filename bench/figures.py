"""What a figure is, and how figures are printed."""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from rig.operator import Operator
from rig.system import System


@dataclass(frozen=True)
class Row:
    """A line of the table, in words."""

    figure: str
    value: str
    reference: str = ""
    ratio: str = ""
    reach: str = ""


@dataclass(frozen=True)
class Run:
    """What a figure has to measure with."""

    system: System
    operator: Operator
    seconds: float
    """About how long the figure may take."""


@dataclass(frozen=True)
class Figure:
    """Something that is measured."""

    name: str
    measure: Callable[[Run], Awaitable[Sequence[Row]]]


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile; not a number if there are no values."""
    if not values:
        return math.nan
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]


def show(console: Console, rows: Sequence[Row]) -> None:
    """Prints the table."""
    table = Table(box=None, pad_edge=False)
    for column in ("figure", "value", "reference in the same run", "ratio", "to reach"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row.figure, row.value, row.reference, row.ratio, row.reach)
    console.print(table)
