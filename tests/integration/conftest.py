"""What integration tests share beside the services: the gateway in front of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from gateway import app, http_server
from gateway.clients import backends
from services.common.settings import GatewaySettings
from tests.system import System

MAX_BODY = 4096
START_S = 30.0


def gateway_settings(system: System, **own: Any) -> GatewaySettings:
    """The settings of a gateway over the running services. All of the tests come from one address: no limits."""
    shared = {"mode", "keys_address", "catalog_address", "webhooks_address", "service_secret"}
    shared |= {"tls_certificate", "tls_key", "tls_roots"}
    values = {"gateway_requests_per_minute_per_key": 0, "gateway_requests_per_minute_per_address": 0} | own
    return GatewaySettings.model_validate(system.settings.keys.model_dump(include=shared) | values)


@asynccontextmanager
async def gateway_at_a_port(settings: GatewaySettings) -> AsyncIterator[str]:
    """A gateway as its own process would serve it, on a free port of this one; where it is."""
    async with backends(settings) as services:
        server = http_server.server(app.build(settings, services), settings.model_copy(update={"gateway_port": 0}))
        serving = asyncio.create_task(server._serve())
        async with asyncio.timeout(START_S):
            while not server.started:  # noqa: ASYNC110 - uvicorn gives no notice
                await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


@pytest.fixture(scope="session")
async def gateway(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway over the running services, without a credential."""
    settings = gateway_settings(
        system, gateway_max_body_bytes=MAX_BODY, gateway_sample_shop=True, gateway_trusted_proxies=1
    )
    async with backends(settings) as services:
        built = app.build(settings, services)
        transport = httpx.ASGITransport(built, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
            yield client


@pytest.fixture(scope="session")
async def live_gateway(system: System) -> AsyncIterator[str]:
    """The same on a port of its own: its address."""
    async with gateway_at_a_port(gateway_settings(system)) as address:
        yield address
