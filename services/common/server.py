"""Builds and runs the gRPC server of a service. All three are made here, so the order of interceptors, health,
reflection and the way to stop are decided once."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection, reflection_pb2

from services.common import telemetry, tls, tracing
from services.common.access.interceptor import AccessInterceptor
from services.common.access.verdicts import Verdicts
from services.common.certificates import Files
from services.common.database import Database
from services.common.interceptors import ErrorInterceptor, RequestInterceptor, ValidationInterceptor
from services.common.reflecting import reflected
from services.common.settings import ServiceSettings, load

log = logging.getLogger(__name__)

AnySettings = TypeVar("AnySettings", bound=ServiceSettings)

Context = grpc.aio.ServicerContext[Any, Any]
"""What a servicer's method is given beside the request."""

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""More than the largest page of the largest products."""
MAX_CONCURRENT_CALLS = 2_000
HEALTH_INTERVAL_S = 2.0
LEAVE_S = 0.3
"""How long clients have to turn to another replica once this one has said that it no longer serves. They are told at
once, over the stream on which they watch its health."""


@dataclass(frozen=True)
class Service:
    """A service of the contract and what serves it."""

    descriptor: ServiceDescriptor
    servicer: Any
    register: Callable[[Any, grpc.aio.Server], None]
    """The generated `add_…Servicer_to_server`."""


@asynccontextmanager
async def serving(
    services: Sequence[Service],
    *,
    address: str,
    verdicts: Verdicts,
    service_secret: str,
    database: Database,
    drain_seconds: float,
    tls_files: Files | None = None,
) -> AsyncIterator[int]:
    """Serves while the context lasts; gives the port. At its end new calls are refused and open ones finish.

    Raises:
        RuleError: an RPC has no access rule.
        OSError: the address cannot be listened on.
    """
    server = grpc.aio.server(
        interceptors=[
            *([tracing.TracingInterceptor()] if tracing.is_on() else []),
            RequestInterceptor(),
            ErrorInterceptor(),
            AccessInterceptor([each.descriptor for each in services], verdicts, service_secret),
            ValidationInterceptor(),
        ],
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            # Clients ping every 20 s (see clients.CHANNEL_OPTIONS), also while nothing else goes over their connection.
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ("grpc.so_reuseport", 0),  # a port that is taken is an error, not a second server behind it
        ],
        maximum_concurrent_rpcs=MAX_CONCURRENT_CALLS,
    )
    for each in services:
        each.register(each.servicer, server)
    health = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    names = [each.descriptor.full_name for each in services]
    health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
    own = [each.descriptor.file for each in services]
    contract = reflected([*own, health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR])
    reflection.enable_server_reflection((*names, health_name, reflection.SERVICE_NAME), server, contract)
    try:
        port = tls.add_port(server, address, tls_files)
    except RuntimeError as failure:
        raise OSError(f"{address} cannot be listened on; is another server running there?") from failure
    await server.start()
    watch = asyncio.create_task(_report_health(health, names, database))
    log.info("serving", extra={"rpcServices": names, "port": port})
    try:
        yield port
    finally:
        watch.cancel()
        await health.enter_graceful_shutdown()
        # A call that comes while gRPC shuts down is cancelled unheard. So clients are told first, and are gone by then.
        await asyncio.sleep(LEAVE_S)
        await server.stop(drain_seconds)
        log.info("stopped")


def run(name: str, kind: type[AnySettings], serving: Callable[[AnySettings], AbstractAsyncContextManager[int]]) -> None:
    """Runs the service of this name as a process: serves under its settings until SIGTERM or SIGINT.

    Raises:
        SystemExit: its settings, or its database, do not let it start.
    """

    async def serve() -> None:
        settings = load(kind)
        telemetry.configure_logging(name, settings.log_level)
        tracing.configure(name, settings)
        tls.configure(settings)
        tls.warn_of_plaintext(settings, settings.listen)
        async with serving(settings):
            await _until_stopped()

    asyncio.run(serve())


async def _until_stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


async def _report_health(health: HealthServicer, services: Sequence[str], database: Database) -> None:
    """Keeps the health of the services at what the database allows.

    That of the whole server ("") stays SERVING: restarting a process does not bring its database back.
    """
    while True:
        states = health_pb2.HealthCheckResponse
        state = states.SERVING if await database.answers() else states.NOT_SERVING
        for service in services:
            await health.set(service, state)
        await asyncio.sleep(HEALTH_INTERVAL_S)
