"""A process that listens as ours do, and calls another one again and again: `python -m tests.peer LISTEN OTHER`.

It writes "reached" when a call succeeds, and why when one does not: the first of a row each.
"""

import asyncio
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from services.common import tls
from services.common.settings import Settings, load

EVERY_S = 0.02
DEADLINE_S = 10.0


async def main() -> None:
    listen, other = sys.argv[1:]
    settings = load(Settings)
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(HealthServicer(), server)
    reflection.enable_server_reflection(["grpc.health.v1.Health", reflection.SERVICE_NAME], server)
    tls.add_port(server, listen, settings.tls)
    await server.start()
    options = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 100)]
    said = ""
    async with tls.channel(other, settings.tls, options=options) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        while True:
            try:
                await health.Check(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S)
                found = "reached"
            except grpc.aio.AioRpcError as failure:
                found = f"{failure.code().name} {failure.details()}"
            if found != said:
                said = found
                print(found, flush=True)  # noqa: T201
            await asyncio.sleep(EVERY_S)


if __name__ == "__main__":
    asyncio.run(main())
