"""Scenarios of API keys. The promise: after a call that takes a key, a secret or a scope away has returned OK, not one
call with it is accepted, by anybody, ever; and what was not taken away works again when the disturbance is over."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc

from chaos.revoking import Revoking
from chaos.scenarios import Family, Options, Result
from chaos.stage import ASKERS, Extra, Stage, open_stage

WATCHERS = 4
"""Beside those in the services."""
REVOKERS = 16
"""How many revoke at the same time: where a watcher has gone silent, each waits for its lease."""
CALM_REVOKERS = 6
RACERS = 3
END_S = 60.0
"""How long the revocations under way may take to end when everything works again."""
SETTLE_S = 1.0
"""How long everybody is asked still, before the checks are held against the returns."""

Disturb = Callable[[Stage], Coroutine[Any, Any, None]]


async def _calm(_stage: Stage) -> None:
    """Nothing but load."""
    await asyncio.Event().wait()


async def _freeze_watchers(stage: Stage) -> None:
    async def freeze(names: Sequence[str]) -> None:
        while True:
            await stage.freeze(stage.random.choice(names), stage.random.uniform(1, 8))
            await asyncio.sleep(stage.random.uniform(0.1, 1))

    await _together(freeze(stage.watchers[0::2]), freeze(stage.watchers[1::2]))


async def _cut_links(stage: Stage) -> None:
    while True:
        link = stage.random.choice(stage.links)
        if stage.random.random() < 0.5:
            await stage.freeze(link, stage.random.uniform(1, 8))
        else:
            await _kill_and_restart(stage, link, 3)
        await asyncio.sleep(stage.random.uniform(0.1, 1))


async def _kill_watchers(stage: Stage) -> None:
    while True:
        await _kill_and_restart(stage, stage.random.choice(stage.watchers), 1)
        await asyncio.sleep(stage.random.uniform(0.5, 2))


async def _slow_watchers(stage: Stage) -> None:
    while True:
        stage.process(stage.random.choice(stage.watchers)).block()
        stage.done["watcher blocked"] += 1
        await asyncio.sleep(stage.random.uniform(0.2, 1))


async def _freeze_services(stage: Stage) -> None:
    while True:
        await stage.freeze(stage.random.choice(["catalog", "webhooks"]), stage.random.uniform(2, 8))
        await asyncio.sleep(stage.random.uniform(0.5, 2))


async def _kill_keys(stage: Stage) -> None:
    while True:
        await asyncio.sleep(stage.random.uniform(0.5, 2.5))
        replica = stage.random.randrange(2)
        await stage.until_revoking(replica)
        await _kill_and_restart(stage, f"keys-{replica + 1}", 1.5)
        await stage.until_serving(replica)


async def _kill_database(stage: Stage) -> None:
    while True:
        await asyncio.sleep(stage.random.uniform(1, 4))
        await stage.system.kill_database()
        stage.done["PostgreSQL killed"] += 1
        try:
            await asyncio.sleep(stage.random.uniform(0, 1))
        finally:
            await stage.system.start_database()


async def _mixed(stage: Stage) -> None:
    """Each disturbance comes and goes: if all were there all the time, no revocation would ever come through."""

    async def now_and_then(disturb: Disturb) -> None:
        while True:
            await asyncio.sleep(stage.random.uniform(0, 8))
            with suppress(TimeoutError):
                async with asyncio.timeout(stage.random.uniform(3, 9)):
                    await disturb(stage)

    every = (_freeze_watchers, _cut_links, _kill_watchers, _slow_watchers, _freeze_services, _kill_keys, _kill_database)
    await _together(*(now_and_then(disturb) for disturb in every))


async def _kill_and_restart(stage: Stage, name: str, within: float) -> None:
    stage.kill(name)
    try:
        await asyncio.sleep(stage.random.uniform(0, within))
    finally:
        stage.start(name)


async def _together(*works: Awaitable[None]) -> None:
    await asyncio.gather(*works)


@dataclass(frozen=True)
class Scenario:
    """A disturbance, and what goes on meanwhile."""

    about: str
    disturb: Disturb
    revokers: int = REVOKERS
    racers: int = 0
    lengths: int = 1
    """How many times as long as the others it lasts."""
    extra: Extra | None = None


SCENARIOS = {
    "calm": Scenario("load, and nothing else", _calm, CALM_REVOKERS),
    "fill-race": Scenario("keys first used at the moment when they are revoked", _calm, revokers=2, racers=RACERS),
    "watchers-frozen": Scenario("watchers frozen for 1 to 8 s", _freeze_watchers),
    "watchers-cut-off": Scenario("watchers' connections to Keys broken, or silent for up to 8 s", _cut_links),
    "watchers-killed": Scenario("watchers killed and started again", _kill_watchers),
    "watchers-slow": Scenario(
        "watchers stalling for 0.2 to 2 s, one on a slow network",
        _slow_watchers,
        extra=Extra("slow", link_options=("--delay", "0.3")),
    ),
    "services-frozen": Scenario("Catalog and Webhooks frozen for 2 to 8 s", _freeze_services),
    "keys-killed": Scenario("a Keys process killed in the middle of a revocation", _kill_keys),
    "database-killed": Scenario("PostgreSQL killed and started again", _kill_database),
    "mixed": Scenario("all of this, coming and going", _mixed, racers=1, lengths=2),
    "broken-watcher": Scenario(
        "a watcher that keeps verdicts without a lease: it must be found out",
        _calm,
        CALM_REVOKERS,
        extra=Extra("broken", options=("--unleased",)),
    ),
}


async def run(options: Options, names: Sequence[str]) -> AsyncIterator[Result]:
    """Plays these scenarios on one stage."""
    async with open_stage(options, WATCHERS) as stage:
        for name in names:
            stage.random.seed(f"{options.seed} {name}")  # so that a scenario makes the same choices when it runs alone
            yield await _play(stage, name, options.seconds)


FAMILY = Family({name: each.about for name, each in SCENARIOS.items()}, run, frozenset({"broken-watcher"}))


async def _play(stage: Stage, name: str, seconds: float) -> Result:
    scenario, result = SCENARIOS[name], Result(name)
    stage.done.clear()
    async with stage.with_watcher(scenario.extra):
        before, revoking = {who: stage.count(who) for who in ASKERS}, Revoking(stage)
        await revoking.stock()
        works = [revoking.revoke() for _ in range(scenario.revokers)]
        works += [revoking.race() for _ in range(scenario.racers)]
        running = [asyncio.create_task(work) for work in works]
        background = (scenario.disturb(stage), revoking.keep_stock(), revoking.retire())
        disturbing, *beside = [asyncio.create_task(work) for work in background]
        try:
            ended, _ = await asyncio.wait(
                [disturbing, *beside], timeout=seconds * scenario.lengths, return_when=asyncio.FIRST_COMPLETED
            )
            for task in ended:
                task.result()  # none ends but by a mistake
            disturbing.cancel()
            await asyncio.gather(disturbing, return_exceptions=True)
            result.failures += [f"{process} ended by itself" for process in await stage.heal()]
            revoking.stop()
            await _end(running, result)
            await asyncio.sleep(SETTLE_S)
            await _check_live(stage, result)
        finally:
            for task in (*running, disturbing, *beside):
                task.cancel()
            await asyncio.gather(*running, disturbing, *beside, return_exceptions=True)
        _judge(stage, result, revoking, before)
    return result


async def _end(running: Sequence["asyncio.Task[None]"], result: Result) -> None:
    """Waits for those who revoke to end what they have begun."""
    _, pending = await asyncio.wait(running, timeout=END_S)
    result.failures += [f"a revocation did not end within {END_S:.0f} s"] * len(pending)
    problems = [task.exception() for task in running if task not in pending]
    result.failures += [f"a revocation failed: {_in_short(problem)}" for problem in problems if problem is not None]


async def _check_live(stage: Stage, result: Result) -> None:
    try:
        result.facts.append(f"a fresh key worked everywhere after {await stage.until_live():.1f} s")
    except TimeoutError as problem:
        result.failures.append(str(problem))


def _judge(stage: Stage, result: Result, revoking: Revoking, before: Mapping[str, Counter[str]]) -> None:
    """Holds the checks against the returns, and says what was counted."""
    asked = {who: _since(before[who], stage.count(who)) for who in before}
    result.checks = sum(counts.total() for counts in asked.values())
    result.violations = stage.new_violations()
    kinds = Counter(victim.kind for victim in revoking.victims)
    if not sum(revoking.accepted_before.values()):
        result.failures.append("no key was accepted before it was revoked: this proves nothing")
    facts = [
        *(f"{counts.total():,} checks by {who}: {_listed(counts)}" for who, counts in asked.items()),
        f"{kinds.total()} taken away: {_listed(kinds)}",
        f"  accepted before by somebody: {_listed(revoking.accepted_before)}",
        f"  of those who asked about a key, {_share(revoking.known)} had accepted it before",
        f"RevokeKey: acknowledged by {revoking.acknowledged} watchers, lapsed {revoking.lapsed}",
        f"calls repeated: {_listed(revoking.repeated)}",
        f"what was left worked on: {revoking.went_on[True]} of {revoking.went_on.total()}",
        f"disturbed: {_listed(stage.done)}",
    ]
    result.facts = facts + result.facts


def _share(counts: Counter[bool]) -> str:
    return f"{counts[True] / counts.total():.0%}" if counts else "none"


def _since(before: Counter[str], now: Counter[str]) -> Counter[str]:
    return Counter({name: count - before[name] for name, count in now.items()})


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name.lower().replace('_', ' ')} {count:,}" for name, count in counts.items() if count) or "none"


def _in_short(problem: BaseException) -> str:
    code = f" {problem.code().name}" if isinstance(problem, grpc.aio.AioRpcError) else ""
    return f"{type(problem).__name__}{code}: {problem.details() if code else problem}"  # type: ignore[attr-defined]
