"""What is done in staging while the shop is used: the runbooks, to the letter, and what they do not show measured."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import grpc
import httpx
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from sedifex.keys.v1 import keys_pb2

from cli.up.state import Refusal
from rig.runbook import Lie, Runbook
from staging.load import BASE, Failure
from staging.replicas import PORTS
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


@dataclass
class Outcome:
    """What came of an act."""

    title: str
    seconds: float = 0
    asked: int = 0
    failures: list[Failure] = field(default_factory=list)
    slowest: float = 0
    """Of the requests that succeeded, in seconds."""
    facts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Act:
    """Something that is done."""

    title: str
    play: Callable[[Stage, Outcome], Awaitable[None]]


async def perform(act: Act, stage: Stage) -> Outcome:
    """Plays an act while everybody asks, and counts what failed meanwhile."""
    load = stage.load
    outcome = Outcome(act.title)
    asked, failed, began = load.asked.total(), load.failed.total(), time.monotonic()
    load.slowest = 0
    try:
        await act.play(stage, outcome)
    except (Lie, Refusal, grpc.aio.AioRpcError, httpx.HTTPError) as problem:
        outcome.problems.append(str(problem))
    outcome.seconds = time.monotonic() - began
    await asyncio.sleep(SETTLE_S)
    outcome.asked = load.asked.total() - asked
    outcome.failures = load.failures[failed:]
    outcome.slowest = load.slowest
    return outcome


def steady(seconds: float) -> Act:
    """Nothing is done: what the rest is compared with."""

    async def play(_stage: Stage, _outcome: Outcome) -> None:
        await asyncio.sleep(seconds)

    return Act("nothing", play)


def runbook(name: str, title: str, prepare: Callable[[Stage], Awaitable[tuple[Mapping[str, str], Sequence[str]]]]) -> Act:
    """A runbook; `prepare` gives what its reader has: values for variables, and what is typed."""

    async def play(stage: Stage, outcome: Outcome) -> None:
        values, typed = await prepare(stage)
        folder = stage.folder / "runbooks" / name
        folder.mkdir(parents=True)
        given = _given(stage) | dict(values)
        machine = {"CURL_CA_BUNDLE": str(stage.folder / "public" / "ca.pem"), **_postgres(stage)}
        read = Runbook.read(RUNBOOKS / name)
        run = await asyncio.to_thread(read.run, folder, given, typed, environment=machine, seconds=RUNBOOK_S)
        run.check()
        outcome.facts.append(f"{len(read.steps)} steps, each showed what the runbook says")

    return Act(f"{title} ({name})", play)


async def revoke(stage: Stage, outcome: Outcome) -> None:
    """Revokes a key that is used as fast as can be, through every way in, and sees when the last use was accepted."""
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
        revoked = await stage.keys.RevokeKey(
            keys_pb2.RevokeKeyRequest(name=name), metadata=stage.metadata, timeout=20
        )
        returned = time.monotonic()
        await asyncio.sleep(1)
    finally:
        stop.set()
        await asyncio.gather(*using)
    await channel.close()
    async with httpx.AsyncClient(verify=str(stage.folder / "public" / "ca.pem"), base_url=BASE) as client:
        answer = await client.get(f"/v1/{stage.store}", headers={"Authorization": f"Bearer {secret}"})
    outcome.facts.append(f"revoked after {returned - began:.3f} s, confirmed by {revoked.acknowledged} processes")
    outcome.facts.append(f"{uses} uses before; the last that was accepted began {returned - accepted[0]:.3f} s before the end")
    if accepted[0] > returned:
        outcome.problems.append("a use was accepted that began after the revocation had returned")
    if answer.status_code != 401:
        outcome.problems.append(f"the gateway answered {answer.status_code} to the revoked key")


async def arrived(stage: Stage) -> list[str]:
    """Waits for the webhooks that are under way; says what is lost."""
    wanted = set(stage.load.prices)
    deadline = time.monotonic() + ARRIVE_S
    while time.monotonic() < deadline and not wanted <= stage.partner.prices:
        await asyncio.sleep(0.2)
    return sorted(f"{product} at {price}" for product, price in wanted - stage.partner.prices)


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
        "BACKUPS": str(stage.folder / "backups"),
        "VERSION": "new",
    }


def _postgres(stage: Stage) -> dict[str, str]:
    return {
        "PGHOST": "postgres",
        "PGUSER": "postgres",
        "PGPASSWORD": stage.database.passwords["postgres"],
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(stage.folder / "database" / "ca.pem"),
    }
