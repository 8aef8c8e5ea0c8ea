"""Figures of API keys: what the access check costs a call, what a verdict costs, and how long a revocation takes."""

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc

from bench import load, timed_keys
from bench.figures import Figure, Row, Run, percentile
from rig.board import Board, new_board
from rig.system import free_address
from rig.watchers import verdict_on
from services.common.access.leased import MARGIN_S, leased_verdicts
from services.common.clients import service_channel
from services.common.database import BlockingDatabase
from services.common.times import now
from services.keys.digest import Digester
from services.keys.leases import LEASE_S
from services.keys.models import handle
from services.keys.verification import verify_token

ROUND_S = 0.7
VERDICTS = 200_000
LOOKUPS = 3_000
WATCHERS = 20
WATCHER_PROCESSES = 2
CALL_SEATS = (0, 1, 2)
FROZEN_SEAT = 31
KNOWN_S = 5.0
"""How long everybody may take to have asked about a new key."""
SETTLE_S = 1.0
FREEZES = 2


async def authenticated_rpc(run: Run) -> Sequence[Row]:
    """CatalogService.GetStore with an API key, and the same at a server that does not ask who is calling."""
    store = await run.operator.new_store()
    made = await run.operator.create(store)
    unguarded = free_address()
    run.system.add("catalog-open", "bench.open_catalog", catalog_listen=unguarded)
    await run.system.until_serving("catalog-open", unguarded)
    rounds = max(3, round(run.seconds / (2 * ROUND_S)))
    found = await _load(
        made.secret,
        *("--address", run.system.values["catalog_address"], "--address", unguarded, "--store", store),
        *("--rounds", str(rounds), "--round-seconds", str(ROUND_S)),
    )
    run.system.processes.pop("catalog-open").stop()
    ratios = [guarded[0] / free[0] for guarded, free in found]
    rates = [statistics.median(pair[which][0] for pair in found) for which in (0, 1)]
    waits = [statistics.median(pair[which][1] for pair in found) * 1000 for which in (0, 1)]
    low, high = percentile(ratios, 25), percentile(ratios, 75)
    return [
        Row(
            "authenticated RPC, warm",
            f"{rates[0]:,.0f}/s",
            f"{rates[1]:,.0f}/s with no access interceptor",
            f"{statistics.median(ratios):.1%} (median of {rounds} pairs, quartiles {low:.1%} to {high:.1%})",
            "≥ 95 %",
        ),
        Row(f"  p50 at {load.IN_FLIGHT} in flight", f"{waits[0]:.2f} ms", f"{waits[1]:.2f} ms", _ratio(*waits)),
    ]


async def verdict(run: Run) -> Sequence[Row]:
    """A verdict out of memory, a look-up in PostgreSQL, and a call of Keys."""
    made = await run.operator.create(await run.operator.new_store())
    secret, digester = run.system.values["service_secret"], Digester(run.system.keys_settings.token_peppers)
    async with service_channel(run.system.keys_addresses[0], "catalog", secret) as channel:
        stub, request = keys_pb2_grpc.KeysServiceStub(channel), keys_pb2.VerifyTokenRequest(token=made.secret)
        async with leased_verdicts(channel) as verdicts:
            kept = await _microseconds(lambda: verdict_on(made.secret, verdicts), VERDICTS)
        hop = await _microseconds(lambda: stub.VerifyToken(request, timeout=load.DEADLINE_S), LOOKUPS)
    url = run.system.keys_settings.keys_database_url.get_secret_value()
    with BlockingDatabase(handle, url, "bench") as database:

        async def look_up() -> None:
            database.read(verify_token, made.secret, digester, now())

        lookup = await _microseconds(look_up, LOOKUPS)
    rows = []
    for percent, reach in ((50, "≤ 10 µs"), (99, "")):
        mine, theirs, far = (percentile(each, percent) for each in (kept, lookup, hop))
        value = f"{mine:.1f} µs"
        rows += [
            Row(f"verdict from memory, p{percent}", value, f"{theirs:,.0f} µs: look-up", _ratio(mine, theirs), reach),
            Row("", value, f"{far:,.0f} µs: VerifyToken over gRPC", _ratio(mine, far)),
        ]
    return rows


async def revocation(run: Run) -> Sequence[Row]:
    """RevokeKey with 20 watchers, all of them asking, and clients calling; then with one watcher frozen."""
    with new_board(run.system.folder) as board:
        names = _start_askers(run, board)
        seats = [*CALL_SEATS, *range(10, 10 + WATCHERS)]
        store = await run.operator.new_store()
        board.put((await run.operator.create(store)).secret, store, ("keys.read", "catalog.read", "webhooks.read"))
        await _until_known(board, 0, seats)
        log = run.system.replicas[0].log
        skip = log.stat().st_size
        creations, revocations, late = await _revoke_for(run, board, store, seats)
        barrier = _barrier_times(log.read_bytes()[skip:])
        checks = sum(sum(board.count(seats).values()) for _ in (0,))
        frozen = await _revoke_frozen(run, board, store)
        for name in names:
            run.system.processes.pop(name).stop()
    count = f"{len(revocations):,} revocations, {checks:,} checks"
    rows = [
        Row(
            f"RevokeKey, {WATCHERS} watchers and load, p{percent}",
            f"{percentile(revocations, percent):.1f} ms",
            f"{percentile(creations, percent):.1f} ms: CreateKey, which waits for nobody",
            _ratio(percentile(revocations, percent), percentile(creations, percent)),
        )
        for percent in (50, 99)
    ]
    half, most = percentile(barrier, 50), percentile(barrier, 99)
    return [
        *rows,
        Row("  of it the barrier, p50 and p99", f"{half:.1f} and {most:.1f} ms", "", "", "p99 ≤ 10 ms"),
        Row("  last accept minus return, at most", f"{max(late):.2f} ms", count, "", "never > 0"),
        Row(
            f"RevokeKey with a frozen watcher, slowest of {FREEZES}",
            f"{max(frozen):.2f} s",
            f"{LEASE_S:.1f} s: the lease",
            _ratio(max(frozen), LEASE_S),
            f"≤ {LEASE_S + MARGIN_S:.1f} s, lease and margin",
        ),
    ]


FIGURES = (Figure("rpc", authenticated_rpc), Figure("verdict", verdict), Figure("revocation", revocation))


def _start_askers(run: Run, board: Board) -> list[str]:
    """Starts the watchers and the clients; answers their names."""
    keys = run.system.keys_addresses[0]
    services = {"keys": keys, **{name: run.system.values[f"{name}_address"] for name in ("catalog", "webhooks")}}
    seats = [f"{seat}={name}@{services[name]}" for seat, name in zip(CALL_SEATS, services, strict=True)]
    calls = [part for seat in seats for part in ("--seat", seat)]
    run.system.add("calls", "rig.calls", "--board", str(board.path), *calls, "--refused-every", "1")
    each = WATCHERS // WATCHER_PROCESSES
    groups = {f"watchers-{number}": range(10 + number * each, 10 + (number + 1) * each) for number in range(2)}
    for name, numbers in {**groups, "frozen": [FROZEN_SEAT]}.items():
        run.system.add(
            name,
            *("rig.watchers", "--board", str(board.path), "--keys", keys, "--seats", ",".join(map(str, numbers))),
            *("--burst", "50", "--pause", "0.02", "--refused-every", "1"),
        )
    return ["calls", *groups, "frozen"]


async def _revoke_for(
    run: Run, board: Board, store: str, seats: Sequence[int]
) -> tuple[list[float], list[float], list[float]]:
    """Makes keys and revokes them once everybody knows them.

    Answers how long creations and revocations took, and by how much the last accepted check of each key began after
    the return of its revocation, all in milliseconds.
    """
    creations, revocations, returned = [], [], {}
    deadline = time.monotonic() + run.seconds
    while time.monotonic() < deadline:
        began = time.monotonic()
        made = await run.operator.create(store)
        creations.append((time.monotonic() - began) * 1000)
        slot = board.put(made.secret, store, ("keys.read", "catalog.read", "webhooks.read"))
        await _until_known(board, slot, seats)
        began = time.monotonic()
        await run.operator.revoke(made.key.name)
        returned[slot] = time.monotonic()
        revocations.append((returned[slot] - began) * 1000)
    await asyncio.sleep(SETTLE_S)  # for those who would still accept to show themselves
    late = [(board.latest(slot, seats) - moment) * 1000 for slot, moment in returned.items()]
    return creations, revocations, late


async def _revoke_frozen(run: Run, board: Board, store: str) -> list[float]:
    """How long revocations take, in seconds, while a watcher that knows the key is frozen."""
    took = []
    process = run.system.processes["frozen"]
    for _ in range(FREEZES):
        made = await run.operator.create(store)
        slot = board.put(made.secret, store, ("keys.read",))
        await _until_known(board, slot, [FROZEN_SEAT])
        process.freeze()
        began = time.monotonic()
        try:
            await run.operator.revoke(made.key.name)
        finally:
            process.thaw()
        took.append(time.monotonic() - began)
    return took


async def _until_known(board: Board, slot: int, seats: Sequence[int]) -> None:
    """Waits until each seat has seen the slot's token accepted.

    Raises:
        TimeoutError: one did not in time.
    """
    async with asyncio.timeout(KNOWN_S):
        while not all(board.columns[seat].latest[slot] for seat in seats):  # noqa: ASYNC110 - others write it
            await asyncio.sleep(0.005)


def _barrier_times(log: bytes) -> list[float]:
    """The milliseconds that `timed_keys` has noted."""
    lines = [json.loads(line) for line in log.splitlines() if b'"barrier"' in line]
    return [line["ms"] for line in lines if line["message"] == timed_keys.MESSAGE]


async def _load(key: str, *arguments: str) -> Any:
    """Runs the client process; answers its rounds."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.load", *arguments),
        env=os.environ | {load.KEY_VARIABLE: key},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return json.loads(output)


async def _microseconds(work: Callable[[], Awaitable[Any]], times: int) -> list[float]:
    took = []
    for _ in range(times):
        began = time.perf_counter_ns()
        await work()
        took.append((time.perf_counter_ns() - began) / 1000)
    return took


def _ratio(value: float, reference: float) -> str:
    return f"{value / reference:.1%}" if value < reference * 10 else f"{value / reference:.0f}x"
