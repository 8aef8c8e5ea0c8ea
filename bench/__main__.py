"""`make bench`, or `python -m bench --only rpc --seconds 60`."""

import asyncio
import signal
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench import keys
from bench.figures import Figure, Row, Run, show
from cli.up.state import Refusal
from rig import system

FIGURES: tuple[Figure, ...] = (*keys.FIGURES,)

# Wide enough for the table also where the output goes to a file.
console = Console(highlight=False, width=max(Console().width, 140))


def bench(
    only: Annotated[list[str] | None, typer.Option(help="Only this figure; may be given several times.")] = None,
    seconds: Annotated[float, typer.Option(help="About how long to measure each figure.")] = 30.0,
) -> None:
    """Measure, each figure beside its reference, and print a table. Nothing is asserted."""
    names = [figure.name for figure in FIGURES]
    if unknown := set(only or ()) - set(names):
        raise typer.BadParameter(f"There is no figure {', '.join(sorted(unknown))}. There are: {', '.join(names)}.")
    chosen = [figure for figure in FIGURES if not only or figure.name in only]
    try:
        rows = asyncio.run(_measure(chosen, seconds))
    except Refusal as problem:
        console.print(f"[red]No figures.[/red] {problem}", soft_wrap=True)
        raise typer.Exit(1) from None
    show(console, rows)


async def _measure(figures: list[Figure], seconds: float) -> list[Row]:
    task = asyncio.current_task()
    if task is not None:  # so that what was started is stopped, as it is on Ctrl-C
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="sedifex-bench-", ignore_cleanup_errors=True) as folder:
        async with system.running(Path(folder), keys_program="bench.timed_keys") as (made, operator):
            for figure in figures:
                console.print(f"Measuring {figure.name} …")
                rows += await figure.measure(Run(made, operator, seconds))
    return rows


if __name__ == "__main__":
    typer.run(bench)
