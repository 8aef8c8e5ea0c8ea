"""The services as a page calls them: as the member who looks at it."""

from collections.abc import Sequence
from typing import Any, cast

from sedifex.catalog.v1 import catalog_pb2_grpc, imports_pb2_grpc
from sedifex.keys.v1 import keys_pb2_grpc, members_pb2_grpc
from sedifex.webhooks.v1 import webhooks_pb2_grpc

from gateway.clients import Backend

DEADLINE_S = 15.0
"""Of each call. A revocation waits for a lease to run out at worst, which takes five seconds."""

Metadata = Sequence[tuple[str, str | bytes]]


class Services:
    """The services, with this metadata on every call."""

    def __init__(self, backends: Sequence[Backend], metadata: Metadata) -> None:
        channels = {each.descriptor.name: each.channel for each in backends}

        def bind(name: str, stub: Any) -> Any:
            return _Bound(stub(channels[name]), metadata)

        self.keys = cast("keys_pb2_grpc.KeysServiceAsyncStub", bind("KeysService", keys_pb2_grpc.KeysServiceStub))
        self.members = cast(
            "members_pb2_grpc.MembersServiceAsyncStub", bind("MembersService", members_pb2_grpc.MembersServiceStub)
        )
        self.catalog = cast(
            "catalog_pb2_grpc.CatalogServiceAsyncStub", bind("CatalogService", catalog_pb2_grpc.CatalogServiceStub)
        )
        self.imports = cast(
            "imports_pb2_grpc.ImportsServiceAsyncStub", bind("ImportsService", imports_pb2_grpc.ImportsServiceStub)
        )
        self.webhooks = cast(
            "webhooks_pb2_grpc.WebhooksServiceAsyncStub", bind("WebhooksService", webhooks_pb2_grpc.WebhooksServiceStub)
        )


class _Bound:
    """A stub whose calls carry metadata and a deadline."""

    def __init__(self, stub: Any, metadata: Metadata) -> None:
        self._stub, self._metadata = stub, metadata

    def __getattr__(self, method: str) -> Any:
        def call(request: Any, timeout: float = DEADLINE_S) -> Any:
            return getattr(self._stub, method)(request, metadata=self._metadata, timeout=timeout)

        return call
