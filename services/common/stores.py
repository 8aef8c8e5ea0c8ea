"""What other services need to know of a store. The Catalog service holds the stores; this asks it."""

from dataclasses import dataclass

import grpc
from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc

from services.common import status

DEADLINE_S = 2.0


@dataclass(frozen=True)
class StoreFacts:
    """A store that exists."""

    id: str
    is_test: bool


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
        return StoreFacts(store, is_test=found.environment == catalog_pb2.Store.ENVIRONMENT_TEST)
