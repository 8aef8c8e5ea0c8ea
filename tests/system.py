"""A running system as tests see it: who to call, and as whom."""

import asyncio
import base64
import os
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc
from sedifex.webhooks.v1 import webhooks_pb2, webhooks_pb2_grpc

from cli import operators
from services.common.server import MAX_MESSAGE_BYTES
from services.common.settings import CatalogSettings, KeysSettings, WebhooksSettings

ALL_SCOPES = ("catalog.read", "catalog.write", "keys.read", "keys.write", "webhooks.read", "webhooks.write")
DEADLINE_S = 10.0


def random_secret() -> str:
    """32 random bytes in base 64."""
    return base64.b64encode(os.urandom(32)).decode()


@dataclass(frozen=True)
class Settings:
    """The settings of every service."""

    keys: KeysSettings
    catalog: CatalogSettings
    webhooks: WebhooksSettings


class Client:
    """The three services, called with one credential. `call` options of its own win."""

    def __init__(self, channels: dict[str, grpc.aio.Channel], token: str | None) -> None:
        self._metadata = (("authorization", f"Bearer {token}"),) if token is not None else ()
        self.token = token or ""
        self.keys = self._bind(keys_pb2_grpc.KeysServiceStub(channels["keys"]))
        self.catalog = self._bind(catalog_pb2_grpc.CatalogServiceStub(channels["catalog"]))
        self.webhooks = self._bind(webhooks_pb2_grpc.WebhooksServiceStub(channels["webhooks"]))

    def _bind(self, stub: Any) -> Any:
        return _Bound(stub, self._metadata)


class _Bound:
    def __init__(self, stub: Any, metadata: tuple[tuple[str, str], ...]) -> None:
        self._stub = stub
        self._metadata = metadata

    def __getattr__(self, method: str) -> Any:
        def call(request: Any, **options: Any) -> Any:
            return getattr(self._stub, method)(request, **{"metadata": self._metadata, "timeout": DEADLINE_S} | options)

        return call


@dataclass(frozen=True)
class System:
    """The running services."""

    settings: Settings
    channels: dict[str, grpc.aio.Channel]
    operator: Client

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["System"]:
        """Connects to running services as a new operator."""
        addresses = {
            "keys": settings.keys.keys_address,
            "catalog": settings.keys.catalog_address,
            "webhooks": settings.keys.webhooks_address,
        }
        options = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)]
        channels = {name: grpc.aio.insecure_channel(address, options=options) for name, address in addresses.items()}
        token = operators.create(settings.keys, "tests").token
        try:
            yield cls(settings, channels, Client(channels, token))
        finally:
            for channel in channels.values():
                await channel.close()

    def as_(self, token: str | None) -> Client:
        """The services, called with this credential, or with none."""
        return Client(self.channels, token)

    async def new_store(self, **values: Any) -> str:
        """A store that no other test uses; its resource name."""
        given: dict[str, Any] = {"display_name": "Makola Corner", "environment": 2} | values
        store = catalog_pb2.Store(**given)
        request = catalog_pb2.CreateStoreRequest(store_id=f"st_{uuid.uuid4().hex[:12]}", store=store)
        made = await _once_leases_hold(lambda: self.operator.catalog.CreateStore(request))
        name = str(made.store.name)
        # Each service has a lease of its own.
        await _once_leases_hold(lambda: self.operator.keys.ListKeys(keys_pb2.ListKeysRequest(parent=name)))
        listing = webhooks_pb2.ListWebhookEndpointsRequest(parent=name)
        await _once_leases_hold(lambda: self.operator.webhooks.ListWebhookEndpoints(listing))
        return name

    async def new_key(
        self, store: str, scopes: Sequence[str] = ALL_SCOPES, **values: Any
    ) -> tuple[keys_pb2.Key, Client]:
        """A key of the store, and the services called with it."""
        request = keys_pb2.CreateKeyRequest(parent=store, display_name="Test", scopes=scopes, **values)
        made = await self.operator.keys.CreateKey(request)
        return made.key, self.as_(made.secret)


async def _once_leases_hold(call: Callable[[], Any]) -> Any:
    """The answer to a call. A test before may have held up the loop that the services run on: leases ran out."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                return await call()
            except grpc.aio.AioRpcError as failure:
                if failure.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
            await asyncio.sleep(0.1)


def error_info(failure: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    """The ErrorInfo of a refused call."""
    status = rpc_status.from_call(failure)
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return info
