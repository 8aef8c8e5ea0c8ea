"""What of a shop needs somebody's attention, the most urgent first, each with its one remedy."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sedifex.catalog.v1 import imports_pb2
from sedifex.keys.v1 import keys_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from gateway.admin.rotation import advise
from gateway.admin.sites import Site
from gateway.admin.words import ago, counted, last_part

Tone = Literal["danger", "warning", "info"]
Import = imports_pb2.Import
Key = keys_pb2.Key
Endpoint = webhooks_pb2.WebhookEndpoint
Level = Endpoint.Health.Level

MAX_SHOWN = 8
IMPORTS_MATTER = timedelta(days=3)
"""How long what went wrong with an import is of interest."""
CODE_WAITS = timedelta(hours=1)
"""How long a connection code may lie unused before somebody is reminded of it."""
STUCK = timedelta(minutes=10)
"""How long an import may be on its way without being stale."""
_URGENCY: dict[Tone, int] = {"danger": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Matter:
    """Something to be looked at."""

    tone: Tone
    icon: str
    title: str
    text: str
    button: str
    path: tuple[str, ...]
    """Where the button leads, below the shop's own path."""


def matters(
    keys: Iterable[keys_pb2.Key],
    endpoints: Iterable[webhooks_pb2.WebhookEndpoint],
    imports: Iterable[imports_pb2.Import],
    sites: Iterable[Site],
    now: datetime,
) -> list[Matter]:
    """What needs attention; `imports` are the newest, newest first."""
    sites = list(sites)
    of_sites = {each.endpoint.name for each in sites if each.endpoint}
    found = [
        *_of_endpoints(each for each in endpoints if each.name not in of_sites or each.state != Endpoint.STATE_ENABLED),
        *_of_keys(keys, now),
        *_of_imports(imports, now),
        *_of_sites(sites, now),
    ]
    return sorted(found, key=lambda each: _URGENCY[each.tone])


def _of_endpoints(endpoints: Iterable[webhooks_pb2.WebhookEndpoint]) -> Iterator[Matter]:
    for each in endpoints:
        name, path = each.display_name or each.url, ("webhooks", last_part(each.name))
        level = each.health.level
        if each.state == Endpoint.STATE_DISABLED:
            is_failing = level == Level.LEVEL_FAILING
            text = f"{each.state_reason} Nothing is sent to it; what it misses can be sent again later.".strip()
            yield Matter(
                "danger" if is_failing else "info", "bolt", f"“{name}” is turned off", text, "Look at it", path
            )
        elif level == Level.LEVEL_FAILING:
            yield Matter("danger", "bolt", f"“{name}” takes no deliveries", each.health.reason, "See what fails", path)
        elif level == Level.LEVEL_DEGRADED:
            yield Matter("warning", "bolt", f"Deliveries to “{name}” fail", each.health.reason, "See what fails", path)


def _of_keys(keys: Iterable[keys_pb2.Key], now: datetime) -> Iterator[Matter]:
    for each in keys:
        path = ("keys", last_part(each.name))
        if each.state == Key.STATE_EXPIRING_SOON:
            title = f"The key “{each.display_name}” ends {ago(each.expire_time, now)}"
            text = "Whatever uses it stops working then."
            yield Matter("warning", "key", title, text, "Change the day", (*path, "edit"))
        if len(each.secrets) > 1:
            advice = advise(each, now)
            is_ready = advice.tone == "success"
            title = f"The rotation of “{each.display_name}” can be finished"
            if not is_ready:
                title = f"“{each.display_name}” is being rotated"
            button = "Finish it" if is_ready else "See how far it is"
            yield Matter("warning" if is_ready else "info", "rotate", title, advice.text, button, (*path, "rotation"))


def _of_imports(imports: Iterable[imports_pb2.Import], now: datetime) -> Iterator[Matter]:
    """Of the newest import only: what came after it has dealt with the ones before."""
    job = next((each for each in imports if each.state != Import.STATE_CANCELLED), None)
    if job is None or now - job.create_time.ToDatetime(UTC) > IMPORTS_MATTER:
        return
    name, path = f"“{job.display_name or 'A file'}”", ("imports", last_part(job.name))
    if job.state == Import.STATE_FAILED:
        yield Matter("danger", "upload", f"{name} could not be taken over", job.error, "See why", path)
    elif job.state == Import.STATE_SUCCEEDED and job.dry_run and job.created_count + job.updated_count:
        wanted = counted(job.created_count + job.updated_count, "product")
        yield Matter("info", "upload", f"{name} was looked over, not imported", f"It holds {wanted}.", "Go on", path)
    elif job.state == Import.STATE_SUCCEEDED and not job.dry_run and job.invalid_count:
        title = f"{counted(job.invalid_count, 'row')} of {name} {'was' if job.invalid_count == 1 else 'were'} refused"
        text = "The others are in. Mend what was refused and import the file again."
        yield Matter("warning", "upload", title, text, "See what is wrong", path)
    elif not job.HasField("end_time") and now - job.create_time.ToDatetime(UTC) > STUCK:
        text = f"It began {ago(job.create_time, now)} and has not ended."
        yield Matter("warning", "upload", f"{name} is still being imported", text, "See how far it is", path)


def _of_sites(sites: Iterable[Site], now: datetime) -> Iterator[Matter]:
    for each in sites:
        wrong = next((step for step in each.steps(now) if step.progress == "wrong"), None)
        if each.is_silent(now) and each.last_read:
            text = f"It last asked {ago(each.last_read, now)}. Open Sedifex in WordPress: it says what to do."
            yield Matter(
                "warning", "globe", f"{each.title} shows old products", text, "See the website", ("wordpress",)
            )
        elif wrong:
            title = f"Changes reach {each.title} late"
            yield Matter("warning", "globe", title, wrong.text, "See the website", ("wordpress",))
        elif each.last_use is None and now - each.key.create_time.ToDatetime(UTC) > CODE_WAITS:
            text = f"The code was made {ago(each.key.create_time, now)} and never used."
            yield Matter("info", "plug", f"{each.title} is not connected yet", text, "Go on", ("wordpress",))
