"""`sedifex status`: how a running system does, at a glance, from the private listeners of its processes."""

import json
import math
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from http.client import HTTPException
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from cli.up.state import METRICS
from services.common.metrics import COUNTED

AT = "SEDIFEX_STATUS_AT"
ASK_S = 3.0
MAX_WAIT_S = 60.0
"""How long events, and deliveries, may wait for us before somebody has to look; as the alerts have it."""

CERTIFICATE_ENDS_S = 14 * 86_400.0
"""How long before a certificate ends somebody has to look; as the alert has it."""

WELL, TROUBLE, UNKNOWN = 0, 1, 2


@dataclass(frozen=True)
class Process:
    """A process, as its private listener shows it."""

    name: str
    address: str
    state: str
    """ready, not ready, stuck, or away: it does not answer."""
    lacks: tuple[str, ...] = ()
    version: str = ""
    uptime_seconds: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict, repr=False)
    """Its metrics that have no labels, by name."""


@dataclass(frozen=True)
class Figure:
    """Something of the whole system."""

    name: str
    value: float | None
    """None: no process that knows it answers."""
    text: str
    is_trouble: bool = False


@dataclass(frozen=True)
class Status:
    """How the system does."""

    processes: list[Process]
    figures: list[Figure]
    troubles: list[str]
    """What a person has to look at."""


def targets(at: Sequence[str], state: Path) -> dict[str, str]:
    """Where to look, by name: what is asked for, else what the environment says, else what `sedifex up` has noted.

    Raises:
        ValueError: a target is not like name=host:port.
    """
    if wanted := list(at) or os.environ.get(AT, "").split():
        pairs = [each.partition("=") for each in wanted]
        if wrong := next((each for each in pairs if not each[0] or ":" not in each[2]), None):
            raise ValueError(f"{''.join(wrong)!r} is not like keys=127.0.0.1:9461")
        return {name: address for name, _, address in pairs}
    try:
        noted: dict[str, str] = json.loads((state / METRICS).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return noted


def look(addresses: Mapping[str, str]) -> Status:
    """Asks all processes at once."""
    with ThreadPoolExecutor(max(1, min(32, len(addresses)))) as pool:
        return judge(list(pool.map(_ask, addresses.keys(), addresses.values())))


def judge(processes: list[Process]) -> Status:
    """How a system with these processes does."""
    figures = _figures(processes)
    return Status(processes, figures, _troubles(processes, figures))


def _ask(name: str, address: str) -> Process:
    try:
        health = json.loads(_get(address, "readyz"))
        families = list(text_string_to_metric_families(_get(address, "metrics")))
    except (OSError, HTTPException, ValueError) as failure:
        return Process(name, address, "away", (str(failure),))
    plain = {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}
    started = plain.get("process_start_time_seconds")
    return Process(
        name,
        address,
        health["status"],
        tuple(check for check, is_met in health.get("checks", {}).items() if not is_met),
        health["version"],
        None if started is None else max(0.0, time.time() - started),
        plain,
    )


def _get(address: str, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://{address}/{path}", timeout=ASK_S) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return str(refusal.read().decode())


def _figures(processes: Sequence[Process]) -> list[Figure]:
    def known(metric: str, choose: Callable[[list[float]], float] = max) -> float | None:
        values = [each.figures[metric] for each in processes if not math.isnan(each.figures.get(metric, math.nan))]
        return choose(values) if values else None

    outbox, lag = known("sedifex_outbox_oldest_age_seconds"), known("sedifex_queue_lag_seconds")
    lease = known("sedifex_lease_remaining_seconds", min)
    cut_off = known("sedifex_worker_cut_off")
    return [
        Figure("shortest lease on verdicts", lease, _seconds(lease), lease == 0),
        Figure("oldest event on its way", outbox, _seconds(outbox), (outbox or 0) > MAX_WAIT_S),
        Figure("longest wait for a worker", lag, _seconds(lag), (lag or 0) > MAX_WAIT_S),
        _count("deliveries due", known("sedifex_due_deliveries")),
        Figure(
            "oldest delivery due",
            known("sedifex_due_oldest_age_seconds"),
            _seconds(known("sedifex_due_oldest_age_seconds")),
        ),
        _count("deliveries being sent", known("sedifex_deliveries_in_flight", sum)),
        Figure("workers cut off", cut_off, _number(cut_off), bool(cut_off)),
        _count("endpoints that fail", known("sedifex_endpoints_failing")),
        _count("API keys that end in a week", known("sedifex_keys_expiring")),
    ]


def _troubles(processes: Sequence[Process], figures: Sequence[Figure]) -> list[str]:
    troubles = []
    for each in processes:
        if each.state != "ready":
            lacks = f": {', '.join(each.lacks)}" if each.lacks else ""
            troubles.append(f"{each.name} is {each.state}{lacks}")
        left = each.figures.get("sedifex_tls_certificate_expires_timestamp_seconds", math.nan) - time.time()
        if left <= 0:
            troubles.append(f"the certificate of {each.name} has ended")
        elif left < CERTIFICATE_ENDS_S:
            troubles.append(f"the certificate of {each.name} ends in {_seconds(left)}")
    troubles += [f"{each.name}: {each.text}" for each in figures if each.is_trouble]
    versions = sorted({each.version for each in processes if each.version})
    if len(versions) > 1:
        troubles.append(f"versions differ: {', '.join(versions)}")
    return troubles


def _count(name: str, value: float | None) -> Figure:
    more = " or more" if value is not None and value >= COUNTED else ""
    return Figure(name, value, _number(value) + more)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.0f}"


def _seconds(value: float | None) -> str:
    if value is None:
        return "unknown"
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if value >= 2 * length:
            return f"{value / length:.0f} {unit}"
    return f"{value:.1f} s"


def run(at: Sequence[str], state: Path, *, as_json: bool) -> int:
    """Looks, shows, and answers the exit status: 0 all is well, 1 something is not, 2 there is nowhere to look."""
    console = Console(highlight=False)
    try:
        addresses = targets(at, state)
    except ValueError as problem:
        console.print(f"[red]{problem}[/red]", soft_wrap=True)
        return UNKNOWN
    if not addresses:
        console.print(
            f"Nothing to look at: {state / METRICS} is not there, so `sedifex up` has not run here. "
            f"Name the processes by --at name=host:port, or in {AT}.",
            soft_wrap=True,
        )
        return UNKNOWN
    status = look(addresses)
    if as_json:
        print(_as_json(status))
    else:
        _show(console, status)
    return TROUBLE if status.troubles else WELL


def _as_json(status: Status) -> str:
    processes = [
        {name: value for name, value in asdict(each).items() if name != "figures"} for each in status.processes
    ]
    figures = {each.name: each.value for each in status.figures}
    return json.dumps(
        {"healthy": not status.troubles, "troubles": status.troubles, "processes": processes, "figures": figures},
        indent=2,
    )


_COLOURS = {"ready": "green", "not ready": "yellow", "stuck": "red", "away": "red"}


def _show(console: Console, status: Status) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("process", "state", "version", "up for", "at"):
        table.add_column(title)
    for each in status.processes:
        colour = _COLOURS.get(each.state, "red")
        table.add_row(each.name, f"[{colour}]{each.state}[/]", each.version, _uptime(each), each.address)
    console.print(table)
    console.print()
    for figure in status.figures:
        colour = "red" if figure.is_trouble else "yellow" if figure.value is None else "default"
        console.print(f"{figure.name:<28} [{colour}]{figure.text}[/]")
    console.print()
    for trouble in status.troubles:
        console.print(f"[bold red]✗[/] {trouble}", soft_wrap=True)
    if not status.troubles:
        console.print("[bold green]✓[/] All is well.")


def _uptime(process: Process) -> str:
    return "" if process.uptime_seconds is None else _seconds(process.uptime_seconds)
