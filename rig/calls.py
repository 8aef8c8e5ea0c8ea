"""A process of clients: each calls one service with the tokens on the board, over gRPC, without end.

`python -m rig.calls --board FILE --seat 0=keys@HOST:PORT --seat 1=catalog@HOST:PORT …`
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc
from sedifex.webhooks.v1 import webhooks_pb2, webhooks_pb2_grpc

from rig.asking import Ask, Pace, Seat, until_told
from rig.board import Board, Outcome, Slot
from services.common.clients import CHANNEL_OPTIONS

DEADLINE_S = 3.0
Code = grpc.StatusCode

_OUTCOMES = {
    Code.UNAUTHENTICATED: Outcome.UNAUTHENTICATED,
    Code.PERMISSION_DENIED: Outcome.SCOPE_MISSING,
    Code.UNAVAILABLE: Outcome.UNAVAILABLE,
    Code.CANCELLED: Outcome.UNAVAILABLE,
    Code.DEADLINE_EXCEEDED: Outcome.DEADLINE,
    Code.RESOURCE_EXHAUSTED: Outcome.EXHAUSTED,
}

Call = Callable[[str, tuple[tuple[str, str], ...]], Awaitable[Any]]
"""Calls a method about a store with this metadata."""


def read_call(service: str, channel: grpc.aio.Channel) -> Call:
    """The reading call of a service that is made."""
    keys, catalog = keys_pb2_grpc.KeysServiceStub(channel), catalog_pb2_grpc.CatalogServiceStub(channel)
    webhooks = webhooks_pb2_grpc.WebhooksServiceStub(channel)

    async def call(store: str, metadata: tuple[tuple[str, str], ...]) -> Any:
        options: dict[str, Any] = {"metadata": metadata, "timeout": DEADLINE_S}
        match service:
            case "keys":
                return await keys.ListKeys(keys_pb2.ListKeysRequest(parent=store, page_size=1), **options)
            case "catalog":
                return await catalog.GetStore(catalog_pb2.GetStoreRequest(name=store), **options)
            case "webhooks":
                request = webhooks_pb2.ListDeliveriesRequest(parent=store, page_size=1)
                return await webhooks.ListDeliveries(request, **options)
        raise LookupError(service)

    return call


def asking(service: str, channel: grpc.aio.Channel) -> Ask:
    """Asks a service by calling it."""
    call = read_call(service, channel)

    async def ask(slot: Slot) -> Outcome:
        try:
            await call(slot.store, (("authorization", f"Bearer {slot.token}"),))
        except grpc.aio.AioRpcError as failure:
            return _OUTCOMES.get(failure.code(), Outcome.OTHER)
        return Outcome.ACCEPTED

    return ask


async def _run(options: argparse.Namespace) -> None:
    board = Board(options.board)
    pace = Pace(burst=1, pause=options.pause, refused_every=options.refused_every)
    running = []
    for each in options.seat:
        seat, _, rest = each.partition("=")
        service, _, address = rest.partition("@")
        channel = grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
        column, asked = board.columns[int(seat)], asking(service, channel)
        running.append(asyncio.create_task(Seat(board, column, asked, pace, [f"{service}.read"]).run()))
    stop = asyncio.create_task(until_told())
    done, _ = await asyncio.wait([stop, *running], return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    for task in done:
        task.result()


def main() -> None:
    """Runs until SIGTERM."""
    parser = argparse.ArgumentParser(prog="rig.calls")
    parser.add_argument("--board", type=Path, required=True)
    parser.add_argument("--seat", action="append", required=True)
    parser.add_argument("--pause", type=float, default=0.03)
    parser.add_argument("--refused-every", type=float, default=0.03)
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
