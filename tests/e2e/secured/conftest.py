"""The whole system over mutual TLS, as processes of its own, and a shop in it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from rig.system import System, free_address, running
from services.common.certificates import Files
from tests.authority import Authority, settings_of

WAIT_S = 40.0
ALL_SCOPES = ("catalog.read", "catalog.write", "webhooks.read", "webhooks.write")


@dataclass
class Secured:
    """A system over mutual TLS, and its shop."""

    system: System
    authority: Authority
    files: Files
    """Of the processes."""
    addresses: dict[str, str]
    """Of the services."""
    metrics: dict[str, str]
    """The private listeners, by process."""
    rest: httpx.AsyncClient
    """With an API key of the shop."""
    store: str
    key: str
    """That key."""


@pytest.fixture(scope="session")
async def secured(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Secured]:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority.new(folder / "certificates")
    files = authority.issue("processes")
    local: dict[str, Any] = {"webhook_allow_http": "true", "webhook_allowed_networks": ["127.0.0.0/8"]}
    async with running(folder, **local, **settings_of(files)) as (system, operator):
        metrics = {name: free_address() for name in ("webhooks-worker", "gateway")}
        system.add("webhooks-worker", "services.webhooks.worker", metrics_listen=metrics["webhooks-worker"])
        gateway, keys = free_address(), system.keys_addresses[0]
        host, _, port = gateway.partition(":")
        place = {"gateway_host": host, "gateway_port": port, "keys_address": keys}
        system.add("gateway", "gateway", metrics_listen=metrics["gateway"], **place)
        store = await operator.new_store()
        key = await operator.create(store, scopes=ALL_SCOPES)
        headers = {"Authorization": f"Bearer {key.secret}"}
        addresses = {"keys": keys} | {name: system.values[f"{name}_address"] for name in ("catalog", "webhooks")}
        async with httpx.AsyncClient(base_url=f"http://{gateway}", headers=headers, timeout=WAIT_S) as rest:
            await _until_ready(rest)
            yield Secured(system, authority, files, addresses, metrics, rest, store, key.secret)


async def _until_ready(rest: httpx.AsyncClient) -> None:
    """Waits until the gateway says that it reaches all services."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                if (await rest.get("/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass  # not yet
            await asyncio.sleep(0.05)
