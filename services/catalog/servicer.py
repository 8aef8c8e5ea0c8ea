"""CatalogService of the contract: reads requests, calls the domain, writes answers."""

from sedifex.catalog.v1 import catalog_pb2, catalog_pb2_grpc

from services.catalog import batch, changes, listing, products, stores
from services.catalog.batch import Result
from services.catalog.convert import (
    change_message,
    new_store,
    product_filter,
    product_message,
    product_values,
    store_message,
    store_values,
)
from services.catalog.products import Change, Occasion
from services.catalog.rows import batch_response, batch_row
from services.common.access.caller import current_caller
from services.common.database import Database
from services.common.ids import ids_of, new_id
from services.common.paging import PageRequest, size_of
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

    async def UpdateStore(
        self, request: catalog_pb2.UpdateStoreRequest, _context: Context
    ) -> catalog_pb2.UpdateStoreResponse:
        """Changes a store."""
        (store_id,) = ids_of(request.store.name)
        values = store_values(request.store, request.update_mask)
        store = await self._database.write(stores.update_store, store_id, values, request.store.etag, now())
        return catalog_pb2.UpdateStoreResponse(store=store_message(store))

    async def CreateProduct(
        self, request: catalog_pb2.CreateProductRequest, _context: Context
    ) -> catalog_pb2.CreateProductResponse:
        """Creates a product."""
        (store_id,) = ids_of(request.parent)
        values = product_values(request.product, None)
        change = Change(store_id, request.product_id or new_id("prod"), values, request_id=request.request_id)
        product = await self._database.write(products.create_product, change, _occasion())
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
        wanted = product_filter(request, visible_only=current_caller().is_integration)
        order = listing.order_of(request.order_by)
        position = (*order.types, str)
        page = PageRequest.parse(
            request.page_size, request.page_token, request.parent, wanted, order, position=position
        )
        found = await self._database.read(listing.list_products, store_id, wanted, order, page, request.if_none_match)
        return catalog_pb2.ListProductsResponse(
            products=map(product_message, found.products),
            next_page_token=found.next_page_token,
            etag=found.etag,
            not_modified=found.not_modified,
        )

    async def ListProductChanges(
        self, request: catalog_pb2.ListProductChangesRequest, _context: Context
    ) -> catalog_pb2.ListProductChangesResponse:
        """Lists what has changed since a cursor."""
        (store_id,) = ids_of(request.parent)
        visible_only, size = current_caller().is_integration, size_of(request.page_size)
        found = await self._database.read(
            changes.list_changes, store_id, request.cursor, size, request.if_none_match, visible_only=visible_only
        )
        return catalog_pb2.ListProductChangesResponse(
            changes=[change_message(product, visible_only=visible_only) for product in found.products],
            next_cursor=found.next_cursor,
            more=found.more,
            etag=found.etag,
            not_modified=found.not_modified,
        )

    async def UpdateProduct(
        self, request: catalog_pb2.UpdateProductRequest, _context: Context
    ) -> catalog_pb2.UpdateProductResponse:
        """Changes a product, or creates it."""
        store_id, product_id = ids_of(request.product.name)
        values = product_values(request.product, request.update_mask)
        change = Change(store_id, product_id, values, request.product.etag)
        product = await self._database.write(
            products.update_product, change, _occasion(), allow_missing=request.allow_missing
        )
        return catalog_pb2.UpdateProductResponse(product=product_message(product))

    async def BatchUpsertProducts(
        self, request: catalog_pb2.BatchUpsertProductsRequest, _context: Context
    ) -> catalog_pb2.BatchUpsertProductsResponse:
        """Creates and changes many products."""
        (store_id,) = ids_of(request.parent)

        def upsert() -> list[Result]:  # read where it is written: a thousand rows would hold the other calls up here
            rows = [batch_row(store_id, product) for product in request.products]
            return batch.upsert_products(
                store_id, rows, _occasion(), lambda: new_id("prod"), dry_run=request.validate_only
            )

        return batch_response(store_id, await self._database.write(upsert))

    async def DeleteProduct(
        self, request: catalog_pb2.DeleteProductRequest, _context: Context
    ) -> catalog_pb2.DeleteProductResponse:
        """Deletes a product."""
        store_id, product_id = ids_of(request.name)
        change = Change(store_id, product_id, {}, request.etag)
        await self._database.write(products.delete_product, change, _occasion())
        return catalog_pb2.DeleteProductResponse()

    async def UndeleteProduct(
        self, request: catalog_pb2.UndeleteProductRequest, _context: Context
    ) -> catalog_pb2.UndeleteProductResponse:
        """Brings a deleted product back."""
        store_id, product_id = ids_of(request.name)
        change = Change(store_id, product_id, {}, request.etag)
        product = await self._database.write(products.undelete_product, change, _occasion())
        return catalog_pb2.UndeleteProductResponse(product=product_message(product))


def _occasion() -> Occasion:
    return Occasion(now(), lambda: new_id("evt"))
