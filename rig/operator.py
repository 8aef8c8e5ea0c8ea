"""An operator of a system: makes stores and keys, and changes keys, at a Keys process of the caller's choice."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc

from rig.board import SCOPES
from services.common import tls
from services.common.certificates import Files
from services.common.clients import CHANNEL_OPTIONS

DEADLINE_S = 12.0
"""More than Keys lets a revocation wait for watchers that have gone silent."""
HOUR_S = 3600


@dataclass(frozen=True)
class Operator:
    """The services, called as an operator. Every method raises AioRpcError when its call does not succeed."""

    keys: Sequence[Any]
    """A stub for each Keys process."""
    catalog: Any
    metadata: tuple[tuple[str, str], ...]

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, token: str, keys: Sequence[str], catalog: str, tls_files: Files | None = None
    ) -> AsyncIterator["Operator"]:
        """Connects with an operator's token to these addresses."""
        async with AsyncExitStack() as stack:
            channels = [
                await stack.enter_async_context(tls.channel(address, tls_files, options=CHANNEL_OPTIONS))
                for address in (*keys, catalog)
            ]
            stubs = [keys_pb2_grpc.KeysServiceStub(each) for each in channels[:-1]]
            metadata = (("authorization", f"Bearer {token}"),)
            yield cls(stubs, catalog_pb2_grpc.CatalogServiceStub(channels[-1]), metadata)

    async def new_store(self) -> str:
        """Makes a store; answers its resource name."""
        store = catalog_pb2.Store(display_name="Rig", environment=catalog_pb2.Store.ENVIRONMENT_TEST)
        request = catalog_pb2.CreateStoreRequest(store_id=f"st_{uuid.uuid4().hex[:12]}", store=store)
        return str((await self.catalog.CreateStore(request, **self._options())).store.name)

    async def create(self, store: str, at: int = 0, scopes: Sequence[str] = SCOPES) -> keys_pb2.CreateKeyResponse:
        """Makes a key of a store, at the Keys process of this number."""
        request = keys_pb2.CreateKeyRequest(parent=store, display_name="Rig", scopes=scopes)
        made: keys_pb2.CreateKeyResponse = await self._call(at, "CreateKey", request)
        return made

    async def revoke(self, key: str, at: int = 0) -> keys_pb2.RevokeKeyResponse:
        """Revokes a key."""
        revoked: keys_pb2.RevokeKeyResponse = await self._call(at, "RevokeKey", keys_pb2.RevokeKeyRequest(name=key))
        return revoked

    async def rotate(self, key: str, at: int = 0, *, overlap_seconds: int = HOUR_S) -> keys_pb2.RotateKeyResponse:
        """Gives a key a new secret."""
        request = keys_pb2.RotateKeyRequest(name=key)
        request.overlap.FromSeconds(overlap_seconds)
        rotated: keys_pb2.RotateKeyResponse = await self._call(at, "RotateKey", request)
        return rotated

    async def complete(self, key: str, at: int = 0) -> None:
        """Ends a rotation's overlap: the old secret ends."""
        await self._call(at, "CompleteKeyRotation", keys_pb2.CompleteKeyRotationRequest(name=key))

    async def cancel(self, key: str, at: int = 0) -> None:
        """Takes a rotation back: the new secret ends."""
        await self._call(at, "CancelKeyRotation", keys_pb2.CancelKeyRotationRequest(name=key))

    async def restrict(self, key: str, scopes: Sequence[str], at: int = 0) -> None:
        """Leaves a key these scopes only."""
        fewer, mask = keys_pb2.Key(name=key, scopes=scopes), FieldMask(paths=["scopes"])
        await self._call(at, "UpdateKey", keys_pb2.UpdateKeyRequest(key=fewer, update_mask=mask))

    async def _call(self, at: int, method: str, request: Any) -> Any:
        return await getattr(self.keys[at], method)(request, **self._options())

    def _options(self) -> dict[str, Any]:
        return {"metadata": self.metadata, "timeout": DEADLINE_S}
