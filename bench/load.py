"""A client process that calls two servers in turn, as fast as they answer, and prints what it got.

`python -m bench.load --address A --address B --store stores/x --rounds 20 --round-seconds 0.7`; the API key is in the
environment. It prints a JSON list of rounds, in each [calls per second, p50 in seconds] for A and for B.
"""

import argparse
import asyncio
import json
import os
import time
from typing import Any

import grpc
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc

from bench.figures import percentile
from services.common.clients import CHANNEL_OPTIONS

KEY_VARIABLE = "BENCH_API_KEY"
IN_FLIGHT = 16
DEADLINE_S = 10.0


async def _round(stub: Any, request: catalog_pb2.GetStoreRequest, seconds: float) -> tuple[float, float]:
    metadata = (("authorization", f"Bearer {os.environ[KEY_VARIABLE]}"),)
    took: list[float] = []
    began = time.perf_counter()

    async def call() -> None:
        while (sent := time.perf_counter()) < began + seconds:
            await stub.GetStore(request, metadata=metadata, timeout=DEADLINE_S)
            took.append(time.perf_counter() - sent)

    await asyncio.gather(*(call() for _ in range(IN_FLIGHT)))
    return len(took) / (time.perf_counter() - began), percentile(took, 50)


async def _run(options: argparse.Namespace) -> None:
    channels = [grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS) for address in options.address]
    stubs = [catalog_pb2_grpc.CatalogServiceStub(channel) for channel in channels]
    request = catalog_pb2.GetStoreRequest(name=options.store)
    for stub in stubs:
        await _round(stub, request, 1.0)  # warm: connections, verdicts, caches
    rounds = []
    for number in range(options.rounds):
        order = (0, 1) if number % 2 else (1, 0)  # neither has the better place
        found = {index: await _round(stubs[index], request, options.round_seconds) for index in order}
        rounds.append([found[0], found[1]])
    for channel in channels:
        await channel.close()
    print(json.dumps(rounds))  # noqa: T201 - it is the answer


def main() -> None:
    """Runs all rounds."""
    parser = argparse.ArgumentParser(prog="bench.load")
    parser.add_argument("--address", action="append", required=True)
    parser.add_argument("--store", required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--round-seconds", type=float, required=True)
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
