"""What `make staging` says in the end."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from staging.acts import Outcome
from staging.stage import Stage

SHOWN = 10
"""Failures in words."""


def show(console: Console, outcomes: Sequence[Outcome], lost: Sequence[str], stage: Stage) -> bool:
    """Prints the report; says whether everything was as it has to be."""
    table = Table(title="Staging: what was done, and what those noticed who used the shop meanwhile")
    table.add_column("done")
    for column in ("seconds", "requests", "failed", "slowest"):
        table.add_column(column, justify="right")
    for each in outcomes:
        failed = f"[red]{each.failed:,}[/red]" if each.failed else "0"
        numbers = (f"{each.seconds:.0f}", f"{each.asked:,}", failed, f"{each.slowest:.2f} s")
        table.add_row(each.title, *numbers)
    console.print(table)
    for each in outcomes:
        for fact in each.facts:
            console.print(f"{each.title}: {fact}")
    failures = [failure for each in outcomes for failure in each.failures]
    in_all = sum(each.failed for each in outcomes)
    for failure in failures[:SHOWN]:
        console.print(f"[red]failed[/red] {failure.client}: {failure.what}")
    problems = [f"{each.title}: {problem}" for each in outcomes for problem in each.problems]
    problems += stage.partner.wrong[:SHOWN]
    problems += [f"no webhook told of {each}" for each in lost[:SHOWN]]
    for problem in problems:
        console.print(f"[red]not as it has to be[/red] {problem}", soft_wrap=True)
    repeated = sum(stage.partner.ids.values()) - len(stage.partner.ids)
    console.print(f"\nrequests failed: {in_all:,} of {stage.load.asked:,}")
    console.print(f"webhooks lost: {len(lost)} of {len(stage.load.prices):,}; sent twice: {repeated}")
    console.print(f"webhooks with a wrong signature: {len(stage.partner.wrong)}")
    return not (in_all or problems or lost)


def write(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Keeps the outcomes for programs, as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(each) for each in outcomes], indent=2) + "\n")


def keep_logs(folder: Path, target: Path) -> None:
    """Keeps what the processes said, PostgreSQL and nginx too."""
    target.mkdir(parents=True, exist_ok=True)
    for log in folder.rglob("*.log"):
        shutil.copyfile(log, target / log.name)
