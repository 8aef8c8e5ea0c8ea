"""Channels to Sedifex's services, for the generated stubs in this package's `sedifex.*`.

from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from sedifex_client import connect

with connect("catalog.internal:50052", token) as channel:
    catalog = catalog_pb2_grpc.CatalogServiceStub(channel)
    page = catalog.ListProducts(catalog_pb2.ListProductsRequest(parent="stores/st_makola"))
"""

from .channel import DEADLINE_S, Certificate, connect, connect_async
from .refusal import reason_of

__all__ = ["DEADLINE_S", "Certificate", "connect", "connect_async", "reason_of"]
