"""`make staging`, or `python -m staging --old v0.1.0 --only roll`."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.up.state import Refusal
from rig import program
from staging import acts, place, plan, report
from staging.stage import ROOT, standing

REPORT = ROOT / "build" / "staging" / "report.json"
LOGS = ROOT / "build" / "staging" / "logs"

# Wide enough for the table also where the output goes to a file.
console = Console(highlight=False, width=max(Console().width, 140))
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def staging(
    old: Annotated[
        str | None, typer.Option(help="The revision that runs first, and is upgraded to this one; else this one.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only this act; may be given several times.")] = None,
    seconds: Annotated[float, typer.Option(help="How long to watch the shop being used with nothing done.")] = 10.0,
) -> None:
    """Bring up the production shape on this machine, follow the runbooks under load, and print a report."""
    if unknown := set(only or ()) - set(plan.NAMES):
        raise typer.BadParameter(f"There is no {', '.join(sorted(unknown))}. There are: {', '.join(plan.NAMES)}.")
    if not place.is_inside():
        try:
            raise typer.Exit(place.enter(sys.argv[1:]))
        except Refusal as problem:
            raise SystemExit(str(problem)) from None
    if not program.run(_play(old, only or plan.NAMES, seconds)):
        raise typer.Exit(1)


async def _play(old: str | None, names: list[str], seconds: float) -> bool:
    with tempfile.TemporaryDirectory(prefix="sedifex-staging-", ignore_cleanup_errors=True) as folder:
        outcomes = []
        try:
            async with standing(Path(folder), old, console.print) as stage:
                for act in plan.acts(names, seconds):
                    console.print(f"{act.title} …")
                    outcomes.append(await acts.perform(act, stage))
                lost = await acts.arrived(stage)
                report.write(REPORT, outcomes)
                return report.show(console, outcomes, lost, stage)
        finally:
            report.keep_logs(Path(folder), LOGS)


if __name__ == "__main__":
    app()
