"""What other services need to know of a store. The Catalog service holds the stores; this asks it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import grpc
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc

from services.common import status
from services.common.errors import InvalidArgument

DEADLINE_S = 2.0


@dataclass(frozen=True)
class StoreFacts:
    """A store that exists."""

    id: str
    is_test: bool
    display_name: str = ""


class StoreDirectory:
    """Looks stores up in the Catalog service."""

    def __init__(self, catalog: "catalog_pb2_grpc.CatalogServiceAsyncStub") -> None:
        self._catalog = catalog

    async def get(self, store: str) -> StoreFacts:
        """The store of this id.

        Raises:
            NotFound: there is none.
            Unavailable: the Catalog service cannot be reached.
        """
        request = catalog_pb2.GetStoreRequest(name=f"stores/{store}")
        try:
            found = (await self._catalog.GetStore(request, timeout=DEADLINE_S)).store
        except grpc.aio.AioRpcError as failure:
            raise status.to_error(failure) from failure
        is_test = found.environment == catalog_pb2.Store.ENVIRONMENT_TEST
        return StoreFacts(store, is_test=is_test, display_name=found.display_name)

    async def get_alike(self, stores: Sequence[str]) -> StoreFacts:
        """The first of these stores, when all are there and of one environment.

        Raises:
            NotFound: one is not there.
            InvalidArgument: some are live and some for testing.
            Unavailable: the Catalog service cannot be reached.
        """
        found = await asyncio.gather(*(self.get(store) for store in stores))
        if len({each.is_test for each in found}) > 1:
            raise InvalidArgument.field("stores", "must be all live or all for testing; make a key for each kind")
        return found[0]
