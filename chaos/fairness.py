"""Scenarios of webhooks while some endpoints misbehave. The promise: nobody waits for somebody else's endpoint."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from statistics import median

from bench.figures import percentile
from chaos.scenarios import Family, Options, Result
from rig import system
from rig.partners import Partners, partners
from rig.system import System

HEALTHY = 38
HANGING = 2
"""5 % of all."""
HANG_MS = 15_000
BACKLOG = 20_000
FULL_BACKLOG = 500_000
ROUNDS = 5
HEALTHY_AT_ONCE = 2
BUSY_AT_ONCE = 5
"""About a hundred times as much as one of the healthy endpoints gets."""
PACE_S = 0.05
FAIR = 1.2
FULL = "webhooks-fair-full"
SCENARIOS = {
    "webhooks-fair": f"5 % of endpoints hanging, a backlog of {BACKLOG:,}, one store with 100 times as much",
    FULL: f"the same with a backlog of {FULL_BACKLOG:,}",
}


async def run(options: Options, names: Sequence[str]) -> AsyncIterator[Result]:
    """Plays these scenarios on one system."""
    async with system.running(options.folder) as (made, _operator):
        for name in names:
            yield await _compare(made, name, options)


FAMILY = Family(SCENARIOS, run, frozenset({FULL}))


async def _compare(made: System, name: str, options: Options) -> Result:
    """How long healthy endpoints wait: undisturbed, disturbed, and again."""
    backlog = FULL_BACKLOG if name == FULL else BACKLOG
    result = Result(name)
    calm, disturbed = [], []
    for _ in range(ROUNDS):
        calm.append(await _fair_round(made, options.seconds, 0))
        disturbed.append(await _fair_round(made, options.seconds, backlog))
    # In turn, and the middle round of either kind: what else the machine does meanwhile comes and goes. Pairs of rounds
    # would compare what it did to the one with what it did to the other.
    without, with_it = (median(percentile(waits, 95) for waits in rounds) for rounds in (calm, disturbed))
    ratio = with_it / without
    result.checks = sum(map(len, disturbed))
    result.facts = [
        f"{words} p50 {_milliseconds(rounds, 50)} ms, p95 {_milliseconds(rounds, 95)} ms"
        for words, rounds in (("undisturbed:", calm), ("disturbed:  ", disturbed))
    ]
    result.facts.append(f"p95 {ratio:.2f} times as much in the middle one of {ROUNDS} rounds (to reach: {FAIR})")
    if not all(disturbed) or max(map(max, disturbed)) > HANG_MS / 1000:
        result.violations.append("a healthy endpoint waited for as long as others hang")
    if ratio > FAIR:
        result.violations.append(f"healthy endpoints waited {ratio:.2f} times as long for others' sake")
    return result


def _milliseconds(rounds: Sequence[Sequence[float]], percent: float) -> str:
    return ", ".join(f"{percentile(waits, percent) * 1000:.0f}" for waits in rounds)


async def _fair_round(made: System, seconds: float, backlog: int) -> list[float]:
    """Sends to healthy endpoints at an even pace; answers how long each delivery took to arrive, in seconds."""
    with partners(made, hang_ms=HANG_MS) as sinks:
        healthy = sinks.add_endpoints(HEALTHY, "st_healthy")
        hanging = sinks.add_endpoints(HANGING, "st_hanging", "hang")
        crowded, busy = sinks.add_endpoints(2, "st_crowded")
        for number in (1, 2):
            sinks.start_worker(number)
        sinks.add_due(healthy, HEALTHY, "st_healthy")
        while not sinks.drained():  # noqa: ASYNC110 - it gives no notice
            await asyncio.sleep(0.05)
        if backlog:
            sinks.add_due([crowded], backlog, "st_crowded")
            sinks.add_due(hanging, 500, "st_hanging")
        publishing = [_publish(sinks, healthy, HEALTHY_AT_ONCE, "st_healthy", seconds)]
        if backlog:
            publishing.append(_publish(sinks, [busy], BUSY_AT_ONCE, "st_busy", seconds))
        began = (await asyncio.gather(*publishing))[0]
        length = len(next(iter(began)))
        for _ in range(round(2 * HANG_MS / 100)):
            received = [(event[:length], arrived) for arrived, _, event, _ in sinks.receipts()]
            waits = [arrived - began[prefix] for prefix, arrived in received if prefix in began]
            if len(waits) >= HEALTHY_AT_ONCE * len(began):
                break
            await asyncio.sleep(0.1)
        sinks.sql("TRUNCATE due")
    return waits


async def _publish(
    sinks: Partners, endpoints: Sequence[str], at_once: int, store: str, seconds: float
) -> dict[str, float]:
    """Makes so many deliveries due at once, to one endpoint after the other, at a pace of about PACE_S and at no moment
    that others keep; answers when, in Unix time, by what the ids of their events begin with."""
    began = {}
    deadline, position = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        chosen = [endpoints[(position + place) % len(endpoints)] for place in range(at_once)]
        position += at_once
        moment = time.time()
        began[sinks.add_due(chosen, at_once, store)] = moment
        await asyncio.sleep(PACE_S * random.uniform(0.9, 1.1))
    return began
