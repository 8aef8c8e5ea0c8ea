"""Lists of products: filters, orders, pages that hold together, and answers that cost next to nothing."""

import asyncio
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import grpc
import psycopg2
import pytest
from sedifex.catalog.v1 import catalog_pb2

from services.catalog.listing import ORDERS
from tests.system import Client, System, error_info

Code = grpc.StatusCode
Product = catalog_pb2.Product

SHELF: dict[str, dict[str, Any]] = {
    "Shea Butter": {"category": "Skin Care", "sku": "SHEA-500", "price": "45.00", "stock_count": 32, "sort_order": 3},
    "ankara print": {"category": "Fashion", "sku": "ANK-6Y", "price": "320.00", "stock_count": 0, "sort_order": 1},
    "Braids": {"category": "Hair", "price": "250.00", "item_type": Product.ITEM_TYPE_SERVICE, "sort_order": 2},
    "Kente Stole": {"category": "Fashion", "item_type": Product.ITEM_TYPE_MADE_TO_ORDER, "sort_order": 2},
    "Black Soap": {"category": "Skin Care", "price": "12.50", "stock_count": -2, "sort_order": 0},
}


@pytest.fixture
async def shop(system: System) -> tuple[str, Client]:
    """A store with the shelf in it, and a key that reads it."""
    store = await system.new_store()
    for name, given in SHELF.items():
        values = {**given, "price": catalog_pb2.Money(amount=given["price"]) if "price" in given else None}
        await _create(system.operator, store, Product(display_name=name, **values))
    _, reader = await system.new_key(store, ["catalog.read"])
    return store, reader


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["Black Soap", "ankara print", "Braids", "Kente Stole", "Shea Butter"]),
        ({"category": "Fashion"}, ["ankara print", "Kente Stole"]),
        ({"category": "fashion"}, []),
        ({"type": Product.ITEM_TYPE_SERVICE}, ["Braids"]),
        ({"in_stock": True}, ["Braids", "Kente Stole", "Shea Butter"]),
        ({"in_stock": False}, ["Black Soap", "ankara print"]),
        ({"query": "butter"}, ["Shea Butter"]),
        ({"query": "SKIN s"}, ["Black Soap", "Shea Butter"]),
        ({"query": "ank-6"}, ["ankara print"]),
        ({"query": "100%_"}, []),
        ({"query": "  "}, ["Black Soap", "ankara print", "Braids", "Kente Stole", "Shea Butter"]),
        ({"category": "Skin Care", "in_stock": True, "query": "shea"}, ["Shea Butter"]),
        ({"updated_since": datetime(2020, 1, 1, tzinfo=UTC), "category": "Hair"}, ["Braids"]),
        ({"updated_since": datetime(2100, 1, 1, tzinfo=UTC)}, []),
        ({"order_by": "displayName"}, ["ankara print", "Black Soap", "Braids", "Kente Stole", "Shea Butter"]),
        ({"order_by": "displayName desc"}, ["Shea Butter", "Kente Stole", "Braids", "Black Soap", "ankara print"]),
        ({"order_by": "price"}, ["Black Soap", "Shea Butter", "Braids", "ankara print", "Kente Stole"]),
        ({"order_by": "price desc"}, ["ankara print", "Braids", "Shea Butter", "Black Soap", "Kente Stole"]),
        ({"order_by": "createTime"}, list(SHELF)),
        ({"order_by": "createTime desc"}, list(SHELF)[::-1]),
        ({"order_by": "sortOrder desc"}, ["Shea Butter", "Kente Stole", "Braids", "ankara print", "Black Soap"]),
    ],
)
async def test_filters_and_orders_hold_on_pages_of_every_size(
    shop: tuple[str, Client], filters: dict[str, Any], names: list[str]
) -> None:
    store, reader = shop
    for size in (1, 2, 200):
        assert [product.display_name for product in await _all(reader, store, size, **filters)] == names


@pytest.mark.parametrize("name", ORDERS)
def test_every_order_is_that_of_an_index(databases: dict[str, str], name: str) -> None:
    """A page of a large store is read from where it begins, and no further."""
    order = ORDERS[name]
    direction = "DESC" if order.is_descending else "ASC"
    keys = ", ".join(f"{key} {direction}" for key in (*order.columns, "p.id"))
    with closing(psycopg2.connect(databases["catalog"])) as connection, connection.cursor() as cursor:
        cursor.execute("SET enable_sort = off; SET enable_seqscan = off; SET enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN SELECT * FROM product p WHERE store_id = 'st' AND delete_time IS NULL ORDER BY {keys}")  # noqa: S608
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Scan" in plan
    assert "Sort" not in plan


async def test_an_order_that_there_is_not_is_told_which_ones_there_are(shop: tuple[str, Client]) -> None:
    store, reader = shop
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _page(reader, store, order_by="popularity")
    assert refused.value.code() == Code.INVALID_ARGUMENT
    assert '"price"' in str(refused.value.details())


async def test_a_page_token_is_for_its_own_list_only(shop: tuple[str, Client]) -> None:
    store, reader = shop
    token = (await _page(reader, store, page_size=1)).next_page_token
    for other in ({"order_by": "price"}, {"category": "Fashion"}, {"query": "x"}, {"in_stock": True}):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await _page(reader, store, page_size=1, page_token=token, **other)
        assert error_info(refused.value).reason == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize("order", ["", "displayName", "price desc", "createTime"])
async def test_pages_neither_skip_nor_repeat_what_stays_while_others_come_and_go(system: System, order: str) -> None:
    store = await system.new_store()
    stays = {f"Stays {number:02}" for number in range(20)}
    for name in sorted(stays):
        await _create(system.operator, store, Product(display_name=name, price=catalog_pb2.Money(amount="5")))
    stop = asyncio.Event()

    async def disturb() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            price = catalog_pb2.Money(amount=str(number % 10))
            passing = Product(display_name=f"Comes {number % 7}", price=price, sort_order=number % 3 - 1)
            made = await _create(system.operator, store, passing)
            await system.operator.catalog.DeleteProduct(catalog_pb2.DeleteProductRequest(name=made.name))

    disturbing = asyncio.create_task(disturb())
    for _ in range(5):
        seen = [product.display_name for product in await _all(system.operator, store, 3, order_by=order)]
        assert sorted(name for name in seen if name in stays) == sorted(stays)
    stop.set()
    await disturbing


async def test_an_unchanged_list_is_not_sent_again(system: System, shop: tuple[str, Client]) -> None:
    store, reader = shop
    first = await _page(reader, store, category="Fashion")
    again = await _page(reader, store, category="Fashion", if_none_match=first.etag)
    assert again.not_modified
    assert again.etag == first.etag
    assert not again.products
    other = await _page(reader, store, category="Hair", if_none_match=first.etag)
    assert not other.not_modified, "a tag is for its own request only"
    await _update(system.operator, Product(name=first.products[0].name, stock_count=5), "stock_count")
    changed = await _page(reader, store, category="Fashion", if_none_match=first.etag)
    assert not changed.not_modified
    assert changed.etag != first.etag


async def test_what_a_reader_cannot_see_does_not_change_its_list(system: System, shop: tuple[str, Client]) -> None:
    store, reader = shop
    seen, everything = await _page(reader, store), await _page(system.operator, store)
    draft = await _create(system.operator, store, Product(display_name="Secret", status=Product.STATUS_DRAFT))
    assert (await _page(reader, store, if_none_match=seen.etag)).not_modified
    assert not (await _page(system.operator, store, if_none_match=everything.etag)).not_modified
    await _update(system.operator, Product(name=draft.name, status=Product.STATUS_PUBLISHED), "status")
    assert not (await _page(reader, store, if_none_match=seen.etag)).not_modified


async def test_deleted_products_are_shown_to_the_shop_on_request_and_to_integrations_never(
    system: System, shop: tuple[str, Client]
) -> None:
    store, reader = shop
    gone = (await _page(system.operator, store)).products[0]
    await system.operator.catalog.DeleteProduct(catalog_pb2.DeleteProductRequest(name=gone.name))
    shown = {product.name: product for product in (await _page(system.operator, store, show_deleted=True)).products}
    assert shown[gone.name].HasField("delete_time")
    for listed in (await _page(system.operator, store), await _page(reader, store, show_deleted=True)):
        assert gone.name not in {product.name for product in listed.products}


async def test_the_list_of_a_store_that_is_not_there_is_not_found(system: System) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _page(system.operator, "stores/st_nowhere")
    assert refused.value.code() == Code.NOT_FOUND


async def _create(client: Client, store: str, product: catalog_pb2.Product) -> catalog_pb2.Product:
    request = catalog_pb2.CreateProductRequest(parent=store, product=product)
    made: catalog_pb2.Product = (await client.catalog.CreateProduct(request)).product
    return made


async def _update(client: Client, product: catalog_pb2.Product, *paths: str) -> None:
    request = catalog_pb2.UpdateProductRequest(product=product)
    request.update_mask.paths.extend(paths)
    await client.catalog.UpdateProduct(request)


async def _page(client: Client, store: str, **options: Any) -> catalog_pb2.ListProductsResponse:
    listed: catalog_pb2.ListProductsResponse = await client.catalog.ListProducts(
        catalog_pb2.ListProductsRequest(parent=store, **options)
    )
    return listed


async def _all(client: Client, store: str, size: int, **options: Any) -> list[catalog_pb2.Product]:
    found: list[catalog_pb2.Product] = []
    token = ""
    while True:
        page = await _page(client, store, page_size=size, page_token=token, **options)
        found += page.products
        token = page.next_page_token
        if not token:
            return found
