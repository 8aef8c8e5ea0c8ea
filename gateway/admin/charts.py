"""The geometry of charts: numbers to rectangles and lines, drawn as SVG by the templates in `charts.html`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600, 120
"""Of a chart, in its own units; the page scales it."""
GAP = 0.25
"""The share of a bar's place that is left free."""
LEAST = 2.0
"""The least height of a bar that is not zero: one failure among thousands must be seen."""


@dataclass(frozen=True)
class Bar:
    """One piece of a bar."""

    x: float
    y: float
    width: float
    height: float
    series: int
    """Which of the series it belongs to, from 0."""


@dataclass(frozen=True)
class Bars:
    """Bars beside each other, the series of each on top of each other."""

    labels: Sequence[str]
    series: Mapping[str, Sequence[int]]
    bars: Sequence[Bar]
    largest: int
    """The highest bar, in what is counted."""

    @property
    def totals(self) -> dict[str, int]:
        """The sum of each series."""
        return {name: sum(values) for name, values in self.series.items()}


def bars(labels: Sequence[str], series: Mapping[str, Sequence[int]]) -> Bars:
    """A chart of one value a label and series. The first series stands at the foot."""
    largest = max((sum(column) for column in zip(*series.values(), strict=True)), default=0)
    step = WIDTH / max(len(labels), 1)
    made = []
    for place in range(len(labels)):
        foot = float(HEIGHT)
        for number, values in enumerate(series.values()):
            if not values[place]:
                continue
            height = max(values[place] / largest * (HEIGHT - 2 * LEAST), LEAST)
            foot -= height
            x = place * step + step * GAP / 2
            made.append(Bar(round(x, 2), round(foot, 2), round(step * (1 - GAP), 2), round(height, 2), number))
    return Bars(labels, series, made, largest)


def line(values: Sequence[int], width: int = 120, height: int = 32) -> str:
    """The points of a sparkline, as an SVG polyline takes them."""
    largest, step = max(values, default=0) or 1, width / max(len(values) - 1, 1)
    return " ".join(
        f"{place * step:.1f},{height - 2 - value / largest * (height - 4):.1f}" for place, value in enumerate(values)
    )
