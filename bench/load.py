"""A client process that calls two servers in turn, as fast as they answer, and prints what it got.

`python -m bench.load --server PID@ADDRESS --server PID@ADDRESS --store stores/x --rounds 20 --round-seconds 0.4`; the
API key is in the environment. It prints a JSON list of rounds: what it got of the first server, and of the second one.
"""

import argparse
import asyncio
import json
import os
import time
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import grpc
import psutil
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc

from bench.figures import percentile
from services.common.clients import CHANNEL_OPTIONS

KEY_VARIABLE = "BENCH_API_KEY"
IN_FLIGHT = 16
DEADLINE_S = 10.0


class Round(NamedTuple):
    """What one server did in one round."""

    per_second: float
    p50_ms: float
    cpu_ms: float
    """The server's processor time for each call, in all its threads."""


class _Server:
    def __init__(self, pid: int, channel: grpc.aio.Channel, store: str) -> None:
        self._process = psutil.Process(pid)
        self._stub: Any = catalog_pb2_grpc.CatalogServiceStub(channel)
        self._request = catalog_pb2.GetStoreRequest(name=store)
        self._metadata = (("authorization", f"Bearer {os.environ[KEY_VARIABLE]}"),)

    async def load(self, seconds: float) -> Round:
        """Calls it for so long, with so many calls in flight."""
        took: list[float] = []
        cpu, began = self._cpu(), time.perf_counter()

        async def call() -> None:
            while (sent := time.perf_counter()) < began + seconds:
                await self._stub.GetStore(self._request, metadata=self._metadata, timeout=DEADLINE_S)
                took.append((time.perf_counter() - sent) * 1000)

        await asyncio.gather(*(call() for _ in range(IN_FLIGHT)))
        ended = time.perf_counter()
        return Round(len(took) / (ended - began), percentile(took, 50), (self._cpu() - cpu) * 1000 / len(took))

    def _cpu(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


async def _run(options: argparse.Namespace) -> None:
    rounds = []
    async with AsyncExitStack() as stack:
        servers = []
        for each in options.server:
            pid, _, address = each.partition("@")
            channel = grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
            servers.append(_Server(int(pid), await stack.enter_async_context(channel), options.store))
        for server in servers:
            await server.load(1.0)  # warm: connections, verdicts, caches
        for number in range(options.rounds):
            order = (0, 1) if number % 2 else (1, 0)  # neither has the better place
            found = {index: await servers[index].load(options.round_seconds) for index in order}
            rounds.append([found[0], found[1]])
    print(json.dumps(rounds))  # noqa: T201 - it is the answer


def main() -> None:
    """Runs all rounds."""
    parser = argparse.ArgumentParser(prog="bench.load")
    parser.add_argument("--server", action="append", required=True)
    parser.add_argument("--store", required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--round-seconds", type=float, required=True)
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
