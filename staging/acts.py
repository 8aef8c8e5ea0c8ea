"""What is done in staging while the shop is used: the runbooks, to the letter, and what they do not show measured."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import grpc
import httpx
import psycopg2
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from sedifex.keys.v1 import keys_pb2

from cli.up.state import Refusal
from rig.runbook import Lie, Runbook
from staging import certificates
from staging.load import BASE, Failure
from staging.replicas import ALL, METRICS_PORT, PORTS
from staging.stage import ROOT, Stage, internal_channel

RUNBOOKS = ROOT / "deploy" / "runbooks"
RUNBOOK_S = 900.0
"""How long a runbook may take that replaces all processes several times."""
ARRIVE_S = 90.0
"""How long webhooks may take that are under way, retries included."""
SETTLE_S = 2.0
"""How long everybody goes on asking after an act: what it has broken may show late."""
SPIN_S = 0.002
"""Between two tries of a key that is about to be revoked."""
WATCHERS = 6


Prepare = Callable[["Stage"], Awaitable[tuple[Mapping[str, str], Sequence[str]]]]
Play = Callable[["Stage", "Outcome"], Awaitable[None]]


@dataclass
class Outcome:
    """What came of an act."""

    title: str
    seconds: float = 0
    asked: int = 0
    failed: int = 0
    """Requests that did not succeed; not those while the system was down, as it was meant to be."""
    failures: list[Failure] = field(default_factory=list)
    """The first of them."""
    slowest: float = 0
    """Of the requests that succeeded, in seconds."""
    facts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Act:
    """Something that is done."""

    title: str
    play: Play
    stops: bool = False
    """Whether it stops the system for a while, so that requests fail meanwhile."""
    runbook: str = ""
    """The file that it follows; empty: none."""


async def perform(act: Act, stage: Stage) -> Outcome:
    """Plays an act while everybody asks, and counts what failed meanwhile."""
    load = stage.load
    outcome = Outcome(act.title)
    load.begin()
    asked, failed, began = load.asked, load.failed, time.monotonic()
    try:
        await act.play(stage, outcome)
    except (Lie, Refusal, grpc.aio.AioRpcError, httpx.HTTPError) as problem:
        outcome.problems.append(str(problem))
    outcome.seconds = time.monotonic() - began
    await asyncio.sleep(SETTLE_S)
    outcome.asked = load.asked - asked
    failed = load.failed - failed
    if not act.stops:
        outcome.failed, outcome.failures = failed, load.failures
    elif failed:
        down = load.last_failure - load.failures[0].moment
        outcome.facts.append(f"down for {down:.1f} s, in which {failed:,} requests were refused")
    outcome.slowest = load.slowest
    return outcome


def steady(seconds: float) -> Act:
    """Nothing is done: what the rest is compared with."""

    async def play(_stage: Stage, _outcome: Outcome) -> None:
        await asyncio.sleep(seconds)

    return Act("nothing", play)


def runbook(name: str, title: str, prepare: Prepare, *, then: Play | None = None, stops: bool = False) -> Act:
    """A runbook; `prepare` gives what its reader has: values for variables, and what is typed. `then` looks whether it
    has done what it is for."""

    async def play(stage: Stage, outcome: Outcome) -> None:
        values, typed = await prepare(stage)
        folder = stage.folder / "runbooks" / name
        folder.mkdir(parents=True)
        given = _given(stage) | dict(values)
        machine = _machine(stage)
        read = Runbook.read(RUNBOOKS / name)
        run = await asyncio.to_thread(read.run, folder, given, typed, environment=machine, seconds=RUNBOOK_S)
        run.check()
        outcome.facts.append(f"{len(read.steps)} steps, each showed what the runbook says")
        if then is not None:
            await then(stage, outcome)

    return Act(f"{title} ({name})", play, stops, name)


async def revoke(stage: Stage, outcome: Outcome) -> None:
    """Revokes a key that is used as fast as can be, at both replicas of Catalog, and sees when it was accepted last;
    then tries it at the gateway."""
    name, secret = await stage.new_key()
    accepted = [0.0]
    channel = internal_channel(stage.installation, "catalog")
    stub = catalog_pb2_grpc.CatalogServiceStub(channel)
    request = catalog_pb2.GetStoreRequest(name=stage.store)
    metadata = (("authorization", f"Bearer {secret}"),)
    stop = asyncio.Event()
    uses = 0

    async def over_grpc() -> None:
        nonlocal uses
        while not stop.is_set():
            began = time.monotonic()
            with suppress(grpc.aio.AioRpcError):
                await stub.GetStore(request, metadata=metadata, timeout=5)
                accepted[0], uses = max(accepted[0], began), uses + 1
            await asyncio.sleep(SPIN_S)

    using = [asyncio.create_task(over_grpc()) for _ in range(WATCHERS)]
    try:
        await asyncio.sleep(1)
        began = time.monotonic()
        revoked = await stage.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=name), metadata=stage.metadata, timeout=20)
        returned = time.monotonic()
        await asyncio.sleep(1)
    finally:
        stop.set()
        await asyncio.gather(*using)
    await channel.close()
    async with httpx.AsyncClient(verify=str(stage.folder / "public" / "ca.pem"), base_url=BASE) as client:
        answer = await client.get(f"/v1/{stage.store}", headers={"Authorization": f"Bearer {secret}"})
    outcome.facts.append(f"revoked after {returned - began:.3f} s, confirmed by {revoked.acknowledged} processes")
    outcome.facts.append(
        f"{uses} uses before; the last that was accepted began {returned - accepted[0]:.3f} s before the end"
    )
    if accepted[0] > returned:
        outcome.problems.append("a use was accepted that began after the revocation had returned")
    if answer.status_code != 401:
        outcome.problems.append(f"the gateway answered {answer.status_code} to the revoked key")


async def all_on_record(stage: Stage, outcome: Outcome) -> None:
    """Sees whether every change that was acknowledged is in the database."""
    wanted = set(stage.load.prices)
    url = stage.database.url("postgres", "webhooks", "require")
    found = await asyncio.to_thread(_prices_on_record, url)
    if lost := wanted - found:
        outcome.problems.append(f"{len(lost)} acknowledged changes are not in the database any more")
    outcome.facts.append(f"all of {len(wanted):,} changes that were acknowledged are in the database")


async def arrived(stage: Stage) -> list[str]:
    """Waits for the webhooks that are under way; says what is lost."""
    wanted = set(stage.load.prices)
    deadline = time.monotonic() + ARRIVE_S
    while time.monotonic() < deadline and not wanted <= stage.partner.prices:  # noqa: ASYNC110 - worth no event
        await asyncio.sleep(0.2)
    return sorted(f"{product} at {price}" for product, price in wanted - stage.partner.prices)


def _prices_on_record(url: str) -> set[tuple[str, str]]:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT body FROM event WHERE type = 'product.updated'")
        products = [json.loads(bytes(body))["data"]["after"] for (body,) in cursor]
    connection.close()
    return {(each["name"], each["price"]["amount"]) for each in products if "price" in each}


def _given(stage: Stage) -> dict[str, str]:
    tls = stage.installation.tls
    return {
        "GATEWAY": BASE,
        "KEYS_ADDRESS": f"keys:{PORTS['keys']}",
        "CATALOG_ADDRESS": f"catalog:{PORTS['catalog']}",
        "WEBHOOKS_ADDRESS": f"webhooks:{PORTS['webhooks']}",
        "TLS": f"-cacert {tls}/ca.pem -cert {tls}/operator.pem -key {tls}/operator.key",
        "OPERATOR_TOKEN": stage.operator_token,
        "STORE": stage.store,
        "SETTINGS": str(stage.installation.settings),
        "FOUND_AT": "https://paste.example/1",
        "TLS_FOLDER": str(tls),
        "CERTIFICATES": str(certificates.SCRIPT),
        "BACKUPS": str(stage.folder / "backups"),
        "PGDATA": str(stage.database.data),
        "PGARCHIVE": str(stage.database.archive),
        "VERSION": "new",
        "PGHOST": "postgres",
        "PGUSER": "postgres",
        "PGPASSWORD": stage.database.passwords["postgres"],
    }


def _machine(stage: Stage) -> dict[str, str]:
    """What every program finds there, whatever the runbook: whom to trust, and where the processes are."""
    return {
        "CURL_CA_BUNDLE": str(stage.folder / "public" / "ca.pem"),
        "SEDIFEX_STATUS_AT": " ".join(f"{each.name}={each.address}:{METRICS_PORT}" for each in ALL),
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(stage.folder / "database" / "ca.pem"),
    }
