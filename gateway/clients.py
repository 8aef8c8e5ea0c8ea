"""The services behind the gateway: channels to them, and whether they are ready."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from services.common.clients import CHANNEL_OPTIONS
from services.common.server import MAX_MESSAGE_BYTES
from services.common.settings import GatewaySettings

READY_DEADLINE_S = 2.0

_OPTIONS = [*CHANNEL_OPTIONS, ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)]


@dataclass(frozen=True)
class Backend:
    """A service and the channel that leads to it."""

    name: str
    descriptor: ServiceDescriptor
    channel: grpc.aio.Channel


@asynccontextmanager
async def backends(settings: GatewaySettings) -> AsyncIterator[list[Backend]]:
    """Channels to all services, without a credential: the caller's is passed on."""
    addresses = {
        "keys": (keys_pb2.DESCRIPTOR.services_by_name["KeysService"], settings.keys_address),
        "catalog": (catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"], settings.catalog_address),
        "webhooks": (webhooks_pb2.DESCRIPTOR.services_by_name["WebhooksService"], settings.webhooks_address),
    }
    async with AsyncExitStack() as stack:
        found = []
        for name, (descriptor, address) in addresses.items():
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(address, options=_OPTIONS))
            found.append(Backend(name, descriptor, channel))
        yield found


async def readiness(services: list[Backend]) -> dict[str, bool]:
    """Which services can do their work now."""
    answers = await asyncio.gather(*(_is_ready(each) for each in services))
    return {each.name: ready for each, ready in zip(services, answers, strict=True)}


async def _is_ready(service: Backend) -> bool:
    health = health_pb2_grpc.HealthStub(service.channel)
    request = health_pb2.HealthCheckRequest(service=service.descriptor.full_name)
    try:
        answer = await health.Check(request, timeout=READY_DEADLINE_S)
    except grpc.aio.AioRpcError:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
