"""A running system as tests see it: who to call, and as whom."""

import asyncio
import base64
import os
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc, imports_pb2_grpc
from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc, members_pb2, members_pb2_grpc
from sedifex.webhooks.v1 import webhooks_pb2, webhooks_pb2_grpc

from cli import operators
from services.common.access import service_identity
from services.common.access.origin import ADDRESS_HEADER, AGENT_HEADER, GATEWAY_HEADER
from services.common.server import MAX_MESSAGE_BYTES
from services.common.settings import CatalogSettings, KeysSettings, WebhooksSettings
from services.keys.membership import totp

T = TypeVar("T")

ALL_SCOPES = ("catalog.read", "catalog.write", "keys.read", "keys.write", "webhooks.read", "webhooks.write")
DEADLINE_S = 30.0


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
    """The services, called with one credential. `call` options of its own win."""

    def __init__(self, channels: dict[str, grpc.aio.Channel], token: str | None, *origin: tuple[str, str]) -> None:
        self._metadata = ((("authorization", f"Bearer {token}"),) if token is not None else ()) + origin
        self.token = token or ""
        self.keys = self._bind(keys_pb2_grpc.KeysServiceStub(channels["keys"]))
        self.members = self._bind(members_pb2_grpc.MembersServiceStub(channels["keys"]))
        self.catalog = self._bind(catalog_pb2_grpc.CatalogServiceStub(channels["catalog"]))
        self.imports = self._bind(imports_pb2_grpc.ImportsServiceStub(channels["catalog"]))
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
class Person:
    """A member of a store, signed in."""

    email: str
    password: str
    client: Client
    member: members_pb2.Member

    @property
    def name(self) -> str:
        """The resource name, "members/{member}"."""
        return str(self.member.name)

    async def enable_totp(self) -> tuple[str, list[str]]:
        """Turns one-time codes on; answers the secret and the recovery codes."""
        start = members_pb2.StartTotpRequest(name=self.name, password=self.password)
        secret = (await self.client.members.StartTotp(start)).secret
        confirm = members_pb2.ConfirmTotpRequest(name=self.name, code=code_of(secret))
        return secret, list((await self.client.members.ConfirmTotp(confirm)).recovery_codes)

    def in_(self, store: str) -> str:
        """The resource name of the membership of a store."""
        return f"{store}/memberships/{self.name.removeprefix('members/')}"


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

    def from_(self, address: str, token: str | None = None, agent: str = "Browser/1.0") -> Client:
        """The same, called through a gateway that says that the client is at this address."""
        word = service_identity.token_for("gateway", self.settings.keys.service_secret.get_secret_value())
        origin = ((GATEWAY_HEADER, word), (ADDRESS_HEADER, address), (AGENT_HEADER, agent))
        return Client(self.channels, token, *origin)

    async def new_store(self, **values: Any) -> str:
        """A store that no other test uses; its resource name."""
        given: dict[str, Any] = {"display_name": "Makola Corner", "environment": 2} | values
        store = catalog_pb2.Store(**given)
        request = catalog_pb2.CreateStoreRequest(store_id=f"st_{uuid.uuid4().hex[:12]}", store=store)
        made = await once_leases_hold(lambda: self.operator.catalog.CreateStore(request))
        name = str(made.store.name)
        # Each service has a lease of its own.
        await once_leases_hold(lambda: self.operator.keys.ListKeys(keys_pb2.ListKeysRequest(parent=name)))
        listing = webhooks_pb2.ListWebhookEndpointsRequest(parent=name)
        await once_leases_hold(lambda: self.operator.webhooks.ListWebhookEndpoints(listing))
        return name

    async def new_key(
        self, store: str, scopes: Sequence[str] = ALL_SCOPES, **values: Any
    ) -> tuple[keys_pb2.Key, Client]:
        """A key of the store, and the services called with it."""
        request = keys_pb2.CreateKeyRequest(parent=store, display_name="Test", scopes=scopes, **values)
        made = await self.operator.keys.CreateKey(request)
        return made.key, self.as_(made.secret)

    async def invite(
        self, store: str, email: str, role: access_pb2.Role.ValueType = access_pb2.ROLE_OWNER
    ) -> members_pb2.CreateInvitationResponse:
        """An invitation to the store."""
        invitation = members_pb2.Invitation(email=email, role=role)
        request = members_pb2.CreateInvitationRequest(parent=store, invitation=invitation)
        made: members_pb2.CreateInvitationResponse = await self.operator.members.CreateInvitation(request)
        return made

    async def new_member(self, store: str, role: access_pb2.Role.ValueType = access_pb2.ROLE_OWNER) -> Person:
        """Somebody new who belongs to the store."""
        email, password = f"{uuid.uuid4().hex[:12]}@shop.example", uuid.uuid4().hex
        token = (await self.invite(store, email, role)).token
        request = members_pb2.AcceptInvitationRequest(token=token, display_name="Ama", password=password)
        joined = await self.as_(None).members.AcceptInvitation(request)
        return Person(email, password, self.as_(joined.token), joined.member)

    async def join(self, person: Person, store: str, role: access_pb2.Role.ValueType = access_pb2.ROLE_OWNER) -> None:
        """Makes somebody who has an account belong to another store as well."""
        token = (await self.invite(store, person.email, role)).token
        request = members_pb2.AcceptInvitationRequest(token=token, password=person.password)
        await self.as_(None).members.AcceptInvitation(request)


def code_of(secret: str, ahead: int = 0) -> str:
    """The one-time code that is shown now, or some steps ahead: one that was used is not taken again."""
    return totp.code_at(secret, int(time.time()) // totp.STEP_S + ahead)


async def refused(call: Awaitable[Any], code: grpc.StatusCode, reason: str = "", says: str = "") -> Any:
    """Awaits a call that must be refused so; answers the refusal's ErrorInfo."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    info = error_info(failed.value)
    assert (failed.value.code(), info.reason) == (code, reason or info.reason), failed.value.details()
    assert says in str(failed.value.details())
    return info


async def once_leases_hold(call: Callable[[], Awaitable[T]]) -> T:
    """The answer to a call, once nobody says UNAVAILABLE: a process is being started, or a test before has held up the
    loop that the services run on, past their leases."""
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
