"""What integration tests share beside the services: the gateway in front of them."""

from collections.abc import AsyncIterator

import httpx
import pytest

from gateway import app
from gateway.clients import backends
from services.common.settings import GatewaySettings
from tests.system import System

MAX_BODY = 4096


@pytest.fixture(scope="session")
async def gateway(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway over the running services, without a credential."""
    shared = {"keys_address", "catalog_address", "webhooks_address", "service_secret"}
    own = {"gateway_max_body_bytes": MAX_BODY, "gateway_sample_shop": True, "gateway_trusted_proxies": 1}
    settings = GatewaySettings.model_validate(system.settings.keys.model_dump(include=shared) | own)
    async with backends(settings) as services:
        built = app.build(settings, services)
        transport = httpx.ASGITransport(built, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
            yield client
