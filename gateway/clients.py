"""The services behind the gateway: channels to them, and whether they are ready."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sedifex.catalog.v1 import catalog_pb2, imports_pb2
from sedifex.keys.v1 import keys_pb2, members_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from services.common import tls
from services.common.clients import CHANNEL_OPTIONS
from services.common.server import MAX_MESSAGE_BYTES
from services.common.settings import GatewaySettings

READY_DEADLINE_S = 2.0

_OPTIONS = [*CHANNEL_OPTIONS, ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)]


@dataclass(frozen=True)
class Backend:
    """A service and the channel that leads to it."""

    name: str
    """Of the process that serves it; it may serve several."""
    descriptor: ServiceDescriptor
    channel: grpc.aio.Channel


@asynccontextmanager
async def backends(settings: GatewaySettings) -> AsyncIterator[list[Backend]]:
    """Channels to all services, without a credential: the caller's is passed on."""
    addresses = {
        "keys": settings.keys_address,
        "catalog": settings.catalog_address,
        "webhooks": settings.webhooks_address,
    }
    async with AsyncExitStack() as stack:
        found = []
        for name, services in descriptors().items():
            channel = await stack.enter_async_context(tls.channel(addresses[name], settings.tls, options=_OPTIONS))
            found += [Backend(name, each, channel) for each in services]
        yield found


def descriptors() -> dict[str, list[ServiceDescriptor]]:
    """The services that are served as REST, by the process that serves them."""
    files = {
        "keys": [keys_pb2.DESCRIPTOR, members_pb2.DESCRIPTOR],
        "catalog": [catalog_pb2.DESCRIPTOR, imports_pb2.DESCRIPTOR],
        "webhooks": [webhooks_pb2.DESCRIPTOR],
    }
    return {name: [each for file in found for each in file.services_by_name.values()] for name, found in files.items()}


async def readiness(services: list[Backend]) -> dict[str, bool]:
    """Which processes can do their work now: all of it."""
    answers = await asyncio.gather(*(_is_ready(each) for each in services))
    ready = {each.name: True for each in services}
    for each, answer in zip(services, answers, strict=True):
        ready[each.name] &= answer
    return ready


async def _is_ready(service: Backend) -> bool:
    health = health_pb2_grpc.HealthStub(service.channel)
    request = health_pb2.HealthCheckRequest(service=service.descriptor.full_name)
    try:
        answer = await health.Check(request, timeout=READY_DEADLINE_S)
    except grpc.aio.AioRpcError:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
