"""What integration tests share beside the services: the gateway in front of them."""

from collections.abc import AsyncIterator

import httpx
import pytest

from gateway import app
from gateway.clients import backends
from gateway.origin import Origins
from services.common.settings import GatewaySettings
from tests.system import System

MAX_BODY = 4096


@pytest.fixture(scope="session")
async def gateway(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway over the running services, without a credential."""
    addresses = {"keys_address", "catalog_address", "webhooks_address", "service_secret"}
    settings = GatewaySettings.model_validate(system.settings.keys.model_dump(include=addresses))
    origins = Origins(settings.service_secret.get_secret_value(), trusted_proxies=1)
    async with backends(settings) as services:
        built = app.build(services, origins, max_body_bytes=MAX_BODY, sample_shop=True)
        transport = httpx.ASGITransport(built, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
            yield client
