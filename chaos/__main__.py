"""`make chaos`, or `python -m chaos --only fill-race --seconds 60 --seed 7`."""

import random
import tempfile
import time
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from chaos import catalog, fairness, keys, webhooks
from chaos.scenarios import Family, Options, Result
from rig import program

FAMILIES: tuple[Family, ...] = (keys.FAMILY, catalog.FAMILY, webhooks.FAMILY, fairness.FAMILY)
SHOWN = 10
"""How many violations of a scenario are printed one by one."""

console = Console(highlight=False, width=max(Console().width, 120))


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def chaos(
    only: Annotated[list[str] | None, typer.Option(help="Only this scenario; may be given several times.")] = None,
    seconds: Annotated[float, typer.Option(help="How long each scenario disturbs.")] = 12.0,
    seed: Annotated[int | None, typer.Option(help="Repeat the choices of the run that printed this seed.")] = None,
) -> None:
    """Disturb a whole system in every way there is, and count how often a promise is broken: never."""
    known = [name for family in FAMILIES for name in family.scenarios]
    if unknown := set(only or ()) - set(known):
        raise typer.BadParameter(f"There is no scenario {', '.join(sorted(unknown))}. There are: {', '.join(known)}.")
    chosen = seed if seed is not None else random.randrange(1 << 31)
    console.print(f"seed {chosen}")
    results = program.run(_run(only or [], seconds, chosen))
    violations, failures = (sum(len(getattr(each, what)) for each in results) for what in ("violations", "failures"))
    checks = sum(each.checks for each in results)
    total = f"{len(results)} scenarios, {checks:,} checks, seed {chosen}"
    console.print(f"\n{total}. VIOLATIONS: {violations}", style="bold")
    if failures:
        console.print(f"FAILURES: {failures}", style="bold")
    raise typer.Exit(1 if violations or failures or not results else 0)


async def _run(only: list[str], seconds: float, seed: int) -> list[Result]:
    results = []
    with tempfile.TemporaryDirectory(prefix="sedifex-chaos-", ignore_cleanup_errors=True) as folder:
        for number, family in enumerate(FAMILIES):
            names = [name for name in family.scenarios if name in only or not (only or name in family.by_name_only)]
            if not names:
                continue
            place = Path(folder) / str(number)
            place.mkdir()
            running: Any = family.run(Options(place, seconds, seed), names)
            began = time.monotonic()
            async with aclosing(running):
                async for result in running:
                    _show(result, family.scenarios[result.scenario], time.monotonic() - began)
                    results.append(result)
                    began = time.monotonic()
    return results


def _show(result: Result, about: str, seconds: float) -> None:
    console.print(f"\n[bold]{result.scenario}[/bold]: {about} ({seconds:.0f} s)", soft_wrap=True)
    for fact in result.facts:
        console.print(f"  {fact}", soft_wrap=True)
    for failure in result.failures:
        console.print(f"  [red]FAILURE[/red] {failure}", soft_wrap=True, markup=True)
    for violation in result.violations[:SHOWN]:
        console.print(f"  [red]VIOLATION[/red] {violation}", soft_wrap=True)
    console.print(f"  VIOLATIONS: {len(result.violations)}")


if __name__ == "__main__":
    app()
