"""Figures of API keys: what the access check costs a call, what a verdict costs, and how long a revocation takes."""

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc

from bench import load, timed_keys
from bench.figures import Figure, Row, Run, percentile
from bench.load import Round
from rig.board import SCOPES, Board, new_board
from rig.system import UNLIMITED, free_address
from rig.watchers import verdict_on
from services.common.access.leased import MARGIN_S, leased_verdicts
from services.common.access.verdicts import RemoteSource
from services.common.clients import service_channel
from services.common.database import BlockingDatabase
from services.common.times import now
from services.keys.digest import Digester
from services.keys.leases import LEASE_S
from services.keys.models import handle
from services.keys.verification import verify_token

ROUND_S = 0.4
VERDICTS = 200_000
LOOKUPS = 3_000
WATCHERS = 20
WATCHER_PROCESSES = 2
CLIENTS = (0, 1, 2)
FIRST_WATCHER = 3
FROZEN = 31
KNOWN_S = 20.0
"""How long everybody may take to have asked about a new key, the start of their processes included."""
SETTLE_S = 1.0
FREEZES = 2
ASKING = ("--burst", "20", "--pause", "0.05", "--refused-every", "1", "--notice-every", "0.02")
"""The pace of watchers that are asked all the time, also about keys that have just been revoked."""
AT_REST = ("--burst", "1", "--pause", "2", "--refused-every", "2", "--notice-every", "0.02")
"""The pace of watchers that know every key and are hardly asked."""


async def authenticated_rpc(run: Run) -> Sequence[Row]:
    """CatalogService.GetStore with an API key, and the same at a server that does not ask who is calling."""
    store = await run.operator.new_store()
    made = await run.operator.create(store)
    unguarded = free_address()
    run.system.add("catalog-open", "bench.open_catalog", catalog_listen=unguarded)
    await run.system.until_serving("catalog-open", unguarded)
    rounds = max(3, round(run.seconds / (2 * ROUND_S)))
    catalog, free = run.system.processes["catalog"], run.system.processes.pop("catalog-open")
    servers = (f"{catalog.pid}@{run.system.values['catalog_address']}", f"{free.pid}@{unguarded}")
    try:
        pairs = await _load(made.secret, store, servers, rounds)
    finally:
        free.stop()
    ratios = [guarded.per_second / open_.per_second for guarded, open_ in pairs]
    low, high = percentile(ratios, 25), percentile(ratios, 75)
    guarded, open_ = (Round(*map(statistics.median, zip(*each, strict=True))) for each in zip(*pairs, strict=True))
    return [
        Row(
            f"authenticated RPC, warm, {rounds} pairs",
            f"{guarded.per_second:,.0f}/s",
            f"{open_.per_second:,.0f}/s: no access interceptor",
            f"{statistics.median(ratios):.1%}, quartiles {low:.0%} to {high:.0%}",
            "≥ 95 %",
        ),
        Row(
            f"  p50 at {load.IN_FLIGHT} in flight",
            f"{guarded.p50_ms:.2f} ms",
            f"{open_.p50_ms:.2f} ms",
            _ratio(guarded.p50_ms, open_.p50_ms),
        ),
        Row(
            "  server's CPU time per call",
            f"{guarded.cpu_ms * 1000:.0f} µs",
            f"{open_.cpu_ms * 1000:.0f} µs",
            _ratio(guarded.cpu_ms, open_.cpu_ms),
        ),
    ]


async def verdict(run: Run) -> Sequence[Row]:
    """A verdict out of memory, a look-up in PostgreSQL, and a call of Keys."""
    made = await run.operator.create(await run.operator.new_store())
    secret, digester = run.system.values["service_secret"], Digester(run.system.keys_settings.token_peppers)
    async with service_channel(run.system.keys_addresses[0], "catalog", secret) as channel:
        stub, request = keys_pb2_grpc.KeysServiceStub(channel), keys_pb2.VerifyTokenRequest(token=made.secret)
        async with leased_verdicts(RemoteSource.behind(channel), UNLIMITED) as verdicts:
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
    """RevokeKey with 20 watchers who all know the key, calm and with clients calling; then with one watcher frozen."""
    with new_board(run.system.folder) as board:
        watchers = list(range(FIRST_WATCHER, FIRST_WATCHER + WATCHERS))
        store = await run.operator.new_store()
        kept = board.put((await run.operator.create(store)).secret, store, SCOPES)
        names = _start_watchers(run, board, *AT_REST)
        await _until_known(board, kept, watchers)
        calm = await _revoke_for(run, board, store, watchers, run.seconds / 3)
        _stop(run, names)
        board.retire(board.used - 1)
        kept = board.put((await run.operator.create(store)).secret, store, SCOPES)
        names = [*_start_watchers(run, board, *ASKING), _start_clients(run, board), _start_frozen(run, board)]
        everybody = [*CLIENTS, *watchers]
        await _until_known(board, kept, everybody)
        busy = await _revoke_for(run, board, store, everybody, run.seconds * 2 / 3)
        checks = sum(board.count(everybody).values())
        frozen = await _revoke_frozen(run, board, store)
        _stop(run, names)
    rows = []
    for percent in (50, 99):
        took, creation = percentile(busy.revocations, percent), percentile(busy.creations, percent)
        theirs = f"{creation:.1f} ms: CreateKey, no barrier"
        rows.append(Row(f"RevokeKey, {WATCHERS} watchers, load, p{percent}", _ms(took), theirs, _ratio(took, creation)))
    for percent, reach in ((50, ""), (99, "≤ 10 ms")):
        took, at_rest = percentile(busy.barrier, percent), percentile(calm.barrier, percent)
        theirs = f"{at_rest:.1f} ms: without load"
        rows.append(Row(f"  of it the barrier, p{percent}", _ms(took), theirs, _ratio(took, at_rest), reach))
    late, count = max([*calm.late, *busy.late]), len(calm.late) + len(busy.late)
    told = f"{count:,} revocations, {checks:,} checks"
    slowest, most = max(frozen), LEASE_S + MARGIN_S
    return [
        *rows,
        Row("  last accept minus return, max", f"{late:.2f} ms", told, "", "never > 0"),
        Row(
            f"RevokeKey, one watcher frozen, max of {FREEZES}",
            f"{slowest:.2f} s",
            f"{LEASE_S:.1f} s: the lease",
            _ratio(slowest, LEASE_S),
            f"≤ {most:.1f} s, lease and margin",
        ),
    ]


FIGURES = (Figure("rpc", authenticated_rpc), Figure("verdict", verdict), Figure("revocation", revocation))


@dataclass
class _Times:
    """What was measured of some revocations, in milliseconds."""

    creations: list[float] = field(default_factory=list)
    revocations: list[float] = field(default_factory=list)
    barrier: list[float] = field(default_factory=list)
    """The part of a revocation in which Keys waits for the watchers."""
    late: list[float] = field(default_factory=list)
    """By how much the last accepted check of a key began after the return of its revocation."""


def _start_watchers(run: Run, board: Board, *pace: str) -> list[str]:
    """Starts the watchers; answers the processes' names."""
    each = WATCHERS // WATCHER_PROCESSES
    starts = {f"watchers-{number}": FIRST_WATCHER + number * each for number in range(WATCHER_PROCESSES)}
    for name, start in starts.items():
        _start(run, board, name, range(start, start + each), *pace)
    return list(starts)


def _start_frozen(run: Run, board: Board) -> str:
    """Starts the watcher that will be frozen; answers the process's name."""
    _start(run, board, "frozen", [FROZEN], *ASKING)
    return "frozen"


def _start(run: Run, board: Board, name: str, seats: Iterable[int], *pace: str) -> None:
    known = ("--board", str(board.path), "--keys", run.system.keys_addresses[0])
    run.system.add(name, "rig.watchers", *known, "--seats", ",".join(map(str, seats)), *pace)


def _stop(run: Run, names: Sequence[str]) -> None:
    for name in names:
        run.system.processes.pop(name).stop()


def _start_clients(run: Run, board: Board) -> str:
    """Starts clients of each service; answers the process's name."""
    values = run.system.values
    addresses = [run.system.keys_addresses[0], values["catalog_address"], values["webhooks_address"]]
    services = zip(CLIENTS, ("keys", "catalog", "webhooks"), addresses, strict=True)
    seats = [f"--seat={seat}={name}@{address}" for seat, name, address in services]
    run.system.add("calls", "rig.calls", "--board", str(board.path), *seats, "--refused-every", "1")
    return "calls"


async def _revoke_for(run: Run, board: Board, store: str, seats: Sequence[int], seconds: float) -> _Times:
    """Makes keys and revokes each once all these seats know it, for so long."""
    times, returned = _Times(), {}
    log = run.system.replicas[0].log
    skip, deadline = log.stat().st_size, time.monotonic() + seconds
    while time.monotonic() < deadline:
        began = time.monotonic()
        made = await run.operator.create(store)
        times.creations.append((time.monotonic() - began) * 1000)
        slot = board.put(made.secret, store, SCOPES)
        await _until_known(board, slot, seats)
        began = time.monotonic()
        await run.operator.revoke(made.key.name)
        returned[slot] = time.monotonic()
        times.revocations.append((returned[slot] - began) * 1000)
    await asyncio.sleep(SETTLE_S)  # for those who would still accept to show themselves
    times.late = [(board.latest(slot, seats) - moment) * 1000 for slot, moment in returned.items()]
    times.barrier = _barrier_times(log.read_bytes()[skip:])
    return times


async def _revoke_frozen(run: Run, board: Board, store: str) -> list[float]:
    """How long revocations take, in seconds, while a watcher that knows the key is frozen."""
    took = []
    process = run.system.processes["frozen"]
    for _ in range(FREEZES):
        made = await run.operator.create(store)
        slot = board.put(made.secret, store, ("keys.read",))
        await _until_known(board, slot, [FROZEN])
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


async def _load(key: str, store: str, servers: Sequence[str], rounds: int) -> list[tuple[Round, Round]]:
    """Runs the client process; answers its rounds."""
    arguments = ["--store", store, "--rounds", str(rounds), "--round-seconds", str(ROUND_S)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.load", *arguments, *(f"--server={each}" for each in servers)),
        env=os.environ | {load.KEY_VARIABLE: key},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return [(Round(*one), Round(*other)) for one, other in json.loads(output)]


async def _microseconds(work: Callable[[], Awaitable[Any]], times: int) -> list[float]:
    took = []
    for _ in range(times):
        began = time.perf_counter_ns()
        await work()
        took.append((time.perf_counter_ns() - began) / 1000)
    return took


def _ms(value: float) -> str:
    return f"{value:.1f} ms"


def _ratio(value: float, reference: float) -> str:
    return f"{value / reference:.1%}" if value < reference * 10 else f"{value / reference:.0f}x"
