"""Figures of the gateway: what a list of products costs over REST, beside a route that does nothing and one by hand."""

import asyncio
import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx

from bench.catalog import PAGE, fill
from bench.figures import Figure, Row, Run
from bench.http_load import CONNECTIONS, Load
from rig.process import Process
from rig.system import free_address

WARM_S = 0.5
ROUND_S = 0.5
START_S = 20.0


async def gateway(run: Run) -> Sequence[Row]:
    """A page of 100 products: unchanged, remembered and rendered; from the gateway's own process where it has one."""
    store = await run.operator.new_store()
    key = (await run.operator.create(store)).secret
    await fill(run.operator, store, PAGE)
    async with server(run, "gateway", "gateway") as (served, port), _references(run) as (reference, other):
        path, headers = f"/v1/{store}/products?pageSize={PAGE}", {"Authorization": f"Bearer {key}"}
        by_hand = f"/by-hand/{store.partition('/')[2]}?pageSize={PAGE}"
        etag = await _check(port, other, path, by_hand, headers)
        condition = headers | {"If-None-Match": etag}
        rounds = max(2, round(run.seconds / (5 * ROUND_S)))
        unchanged, nothing, remembered, rendered, written = await _alternate(
            rounds,
            Load(served.pid, port, path, condition, expect=304),
            Load(reference.pid, other, "/bare", condition, expect=304),
            Load(served.pid, port, path, headers, expect=200),
            Load(reference.pid, other, path, headers, expect=200),
            Load(reference.pid, other, by_hand, headers, expect=200),
        )
    many = f", {CONNECTIONS} connections of one key"
    return [
        *_rows(f"list of {PAGE} unchanged (304){many}", unchanged, nothing, "a bare Starlette route", "≥ 50 %"),
        *_rows(f"list of {PAGE} through transcoding", rendered, written, "the same route by hand", "≥ 80 %"),
        *_rows(f"list of {PAGE} remembered, at the gateway", remembered, written, "the same route by hand", ""),
    ]


Rounds = list[tuple[float, float]]


async def _alternate(rounds: int, *loads: Load) -> list[Rounds]:
    """Rounds of each, in turn, so that what else the machine does falls on all of them."""
    for each in loads:
        await each.run(WARM_S)
    found: list[Rounds] = [[] for _ in loads]
    for number in range(rounds):
        for index in range(len(loads)) if number % 2 else reversed(range(len(loads))):
            found[index].append(await loads[index].run(ROUND_S))
    return found


def _rows(name: str, mine: Rounds, theirs: Rounds, reference: str, reach: str) -> list[Row]:
    rate, cpu = (statistics.median(each) for each in zip(*mine, strict=True))
    other_rate, other_cpu = (statistics.median(each) for each in zip(*theirs, strict=True))
    ratio = statistics.median(one[0] / other[0] for one, other in zip(mine, theirs, strict=True))
    return [
        Row(name, f"{rate:,.0f}/s", f"{other_rate:,.0f}/s: {reference}", f"{ratio:.0%}", reach),
        Row("  server's CPU time each", f"{cpu:.2f} ms", f"{other_cpu:.2f} ms", f"{cpu / other_cpu:.2f}×"),
    ]


async def _check(port: int, other: int, path: str, by_hand: str, headers: dict[str, str]) -> str:
    """Makes sure that all of them answer the same; the ETag of it."""
    async with httpx.AsyncClient(headers=headers) as client:
        first = await client.get(f"http://127.0.0.1:{port}{path}")
        for address in (path, by_hand):
            again = await client.get(f"http://127.0.0.1:{other}{address}")
            if again.json() != first.json() or len(first.json()["products"]) != PAGE:
                raise ValueError(f"{address} is answered otherwise than by the gateway")
    return first.headers["etag"]


@asynccontextmanager
async def _references(run: Run) -> AsyncIterator[tuple[Process, int]]:
    arguments = ("--catalog", run.system.values["catalog_address"])
    async with server(run, "rest-servers", "bench.rest_servers", *arguments) as found:
        yield found


@asynccontextmanager
async def server(run: Run, name: str, program: str, *arguments: str) -> AsyncIterator[tuple[Process, int]]:
    """A process of a program that listens on a port of its own, while the context lasts."""
    port = int(free_address().rpartition(":")[2])
    if arguments:
        process = run.system.add(name, program, "--port", str(port), *arguments)
    else:
        values = {"gateway_requests_per_minute_per_key": "0", "gateway_requests_per_minute_per_address": "0"}
        keys = run.system.keys_addresses[0]
        process = run.system.add(name, program, gateway_port=str(port), keys_address=keys, **values)
    try:
        async with httpx.AsyncClient() as client, asyncio.timeout(START_S):
            while not await _answers(client, port):  # noqa: ASYNC110 - a process gives no notice
                await asyncio.sleep(0.05)
        yield process, port
    finally:
        run.system.processes.pop(name).stop()


async def _answers(client: httpx.AsyncClient, port: int) -> bool:
    try:
        await client.get(f"http://127.0.0.1:{port}/bare")
    except httpx.TransportError:
        return False
    return True


FIGURES = (Figure("gateway", gateway),)
