"""CatalogService of the contract: reads requests, calls the domain, writes answers."""

from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc

from services.catalog import products, stores
from services.catalog.convert import new_store, product_message, product_values, store_message
from services.catalog.products import Change
from services.common.access.caller import current_caller
from services.common.database import Database
from services.common.ids import ids_of, new_id
from services.common.paging import PageRequest
from services.common.server import Context
from services.common.times import now


class CatalogServicer(catalog_pb2_grpc.CatalogServiceServicer):
    """See proto/sedifex/catalog/v1/catalog.proto for what each method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def CreateStore(
        self, request: catalog_pb2.CreateStoreRequest, _context: Context
    ) -> catalog_pb2.CreateStoreResponse:
        """Creates a store."""
        wanted = new_store(request.store_id or new_id("st").lower(), request.store, now())
        store = await self._database.write(stores.create_store, wanted)
        return catalog_pb2.CreateStoreResponse(store=store_message(store))

    async def GetStore(self, request: catalog_pb2.GetStoreRequest, _context: Context) -> catalog_pb2.GetStoreResponse:
        """Gets a store."""
        (store_id,) = ids_of(request.name)
        store = await self._database.read(stores.get_store, store_id)
        return catalog_pb2.GetStoreResponse(store=store_message(store))

    async def ListStores(
        self, request: catalog_pb2.ListStoresRequest, _context: Context
    ) -> catalog_pb2.ListStoresResponse:
        """Lists the stores that the caller may see."""
        wanted = PageRequest.parse(request.page_size, request.page_token, "stores")
        page = await self._database.read(stores.list_stores, current_caller().stores, wanted)
        found = [store_message(store) for store in page.rows]
        return catalog_pb2.ListStoresResponse(stores=found, next_page_token=page.next_page_token)

    async def CreateProduct(
        self, request: catalog_pb2.CreateProductRequest, _context: Context
    ) -> catalog_pb2.CreateProductResponse:
        """Creates a product."""
        (store_id,) = ids_of(request.parent)
        values = product_values(request.product, None)
        change = Change(store_id, request.product_id or new_id("prod"), values, request_id=request.request_id)
        product = await self._database.write(products.create_product, change, new_id("evt"), now())
        return catalog_pb2.CreateProductResponse(product=product_message(product))

    async def GetProduct(
        self, request: catalog_pb2.GetProductRequest, _context: Context
    ) -> catalog_pb2.GetProductResponse:
        """Gets a product."""
        store_id, product_id = ids_of(request.name)
        visible_only = current_caller().is_integration
        product = await self._database.read(products.get_product, store_id, product_id, visible_only=visible_only)
        return catalog_pb2.GetProductResponse(product=product_message(product))

    async def ListProducts(
        self, request: catalog_pb2.ListProductsRequest, _context: Context
    ) -> catalog_pb2.ListProductsResponse:
        """Lists the products of a store."""
        (store_id,) = ids_of(request.parent)
        wanted = PageRequest.parse(request.page_size, request.page_token, request.parent, position=(int, str))
        visible_only = current_caller().is_integration
        page = await self._database.read(products.list_products, store_id, wanted, visible_only=visible_only)
        found = [product_message(product) for product in page.rows]
        return catalog_pb2.ListProductsResponse(products=found, next_page_token=page.next_page_token)

    async def UpdateProduct(
        self, request: catalog_pb2.UpdateProductRequest, _context: Context
    ) -> catalog_pb2.UpdateProductResponse:
        """Changes a product, or creates it."""
        store_id, product_id = ids_of(request.product.name)
        values = product_values(request.product, request.update_mask)
        change = Change(store_id, product_id, values, request.product.etag)
        product = await self._database.write(
            products.update_product, change, new_id("evt"), now(), allow_missing=request.allow_missing
        )
        return catalog_pb2.UpdateProductResponse(product=product_message(product))

    async def DeleteProduct(
        self, request: catalog_pb2.DeleteProductRequest, _context: Context
    ) -> catalog_pb2.DeleteProductResponse:
        """Deletes a product."""
        store_id, product_id = ids_of(request.name)
        change = Change(store_id, product_id, {}, request.etag)
        await self._database.write(products.delete_product, change, new_id("evt"), now())
        return catalog_pb2.DeleteProductResponse()
