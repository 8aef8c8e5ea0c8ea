"""`make bench`, or `python -m bench --only rpc --seconds 60`."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench import catalog, delivery_log, gateway, keys, scale, webhooks, wordpress
from bench.figures import Figure, Row, Run, show
from rig import program, system

FIGURES: tuple[Figure, ...] = (
    *keys.FIGURES,
    *catalog.FIGURES,
    *gateway.FIGURES,
    *webhooks.FIGURES,
    *delivery_log.FIGURES,
    *wordpress.FIGURES,
    *scale.FIGURES,
)

# Wide enough for the table also where the output goes to a file.
console = Console(highlight=False, width=max(Console().width, 140))


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    only: Annotated[list[str] | None, typer.Option(help="Only this figure; may be given several times.")] = None,
    seconds: Annotated[float, typer.Option(help="About how long to measure each figure.")] = 30.0,
) -> None:
    """Measure, each figure beside its reference, and print a table. Nothing is asserted."""
    names = [figure.name for figure in FIGURES]
    if unknown := set(only or ()) - set(names):
        raise typer.BadParameter(f"There is no figure {', '.join(sorted(unknown))}. There are: {', '.join(names)}.")
    chosen = [figure for figure in FIGURES if not only or figure.name in only]
    show(console, program.run(_measure(chosen, seconds)))


async def _measure(figures: list[Figure], seconds: float) -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="sedifex-bench-", ignore_cleanup_errors=True) as folder:
        async with system.running(Path(folder), keys_program="bench.timed_keys") as (made, operator):
            for figure in figures:
                console.print(f"Measuring {figure.name} …")
                rows += await figure.measure(Run(made, operator, seconds))
    return rows


if __name__ == "__main__":
    app()
