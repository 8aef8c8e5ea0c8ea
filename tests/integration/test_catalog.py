"""Stores and products over gRPC: what is kept, what integrations see, and what is told of a change."""

import asyncio

import grpc
import psycopg2
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from sedifex.catalog.v1 import catalog_pb2

from tests.system import Client, System, error_info

Code = grpc.StatusCode
Product = catalog_pb2.Product


async def test_a_product_comes_back_as_it_was_sent(system: System) -> None:
    store = await system.new_store()
    sent = Product(
        display_name="Raw Shea Butter 500g",
        description="Unrefined, from Tamale.",
        category="Skin Care",
        brand="Tamale Gold",
        sku="SHEA-500",
        barcode="2010000000014",
        price=catalog_pb2.Money(currency_code="GHS", amount="45.00"),
        stock_count=32,
        low_stock_threshold=10,
        item_type=Product.ITEM_TYPE_PRODUCT,
        images=[catalog_pb2.ProductImage(uri="https://images.example/s.jpg", alt_text="A tub", width_pixels=800)],
        status=Product.STATUS_PUBLISHED,
        website_visible=True,
        sort_order=7,
    )
    made = await _create(system.operator, store, sent)
    got = (await system.operator.catalog.GetProduct(catalog_pb2.GetProductRequest(name=made.name))).product
    assert got == made
    assert made.availability == Product.AVAILABILITY_IN_STOCK
    for field in ("name", "etag", "create_time", "update_time", "availability"):
        made.ClearField(field)
    assert made == sent


async def test_what_is_left_out_takes_the_domains_defaults(system: System) -> None:
    store = await system.new_store(currency_code="XOF")
    made = await _create(system.operator, store, Product(display_name="Gari", price=catalog_pb2.Money(amount="5")))
    assert (made.price.currency_code, made.price.amount) == ("XOF", "5.00")
    assert made.item_type == Product.ITEM_TYPE_PRODUCT
    assert made.status == Product.STATUS_PUBLISHED
    assert made.website_visible
    assert not made.HasField("stock_count")


async def test_no_price_and_a_price_of_nothing_are_different(system: System) -> None:
    store = await system.new_store()
    ask = await _create(system.operator, store, Product(display_name="Kente stole"))
    free = await _create(system.operator, store, Product(display_name="Sample", price=catalog_pb2.Money(amount="0.00")))
    assert not ask.HasField("price")
    assert free.price.amount == "0.00"


async def test_only_the_named_fields_change(system: System) -> None:
    store = await system.new_store()
    made = await _create(system.operator, store, Product(display_name="Milo", brand="Nestlé", stock_count=3))
    wanted = Product(name=made.name, display_name="ignored", stock_count=2)
    changed = await _update(system.operator, wanted, "stock_count")
    assert (changed.display_name, changed.brand, changed.stock_count) == ("Milo", "Nestlé", 2)


async def test_a_named_field_without_a_value_is_cleared(system: System) -> None:
    store = await system.new_store()
    price = catalog_pb2.Money(amount="4.00")
    made = await _create(system.operator, store, Product(display_name="Milo", price=price, stock_count=3))
    changed = await _update(system.operator, Product(name=made.name), "price", "stock_count")
    assert not changed.HasField("price")
    assert not changed.HasField("stock_count")


async def test_a_change_that_changes_nothing_leaves_everything_as_it_is(system: System) -> None:
    store = await system.new_store()
    price = catalog_pb2.Money(amount="45.00")
    made = await _create(system.operator, store, Product(display_name="Shea", price=price))
    same = await _update(system.operator, Product(name=made.name, price=catalog_pb2.Money(amount="45")), "price")
    assert same == made


async def test_a_missing_product_is_made_only_if_allowed(system: System) -> None:
    store = await system.new_store()
    wanted = Product(name=f"{store}/products/from-elsewhere", display_name="Shito")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _update(system.operator, wanted)
    assert refused.value.code() == Code.NOT_FOUND
    request = catalog_pb2.UpdateProductRequest(product=wanted, allow_missing=True)
    made = (await system.operator.catalog.UpdateProduct(request)).product
    assert made.name == wanted.name


async def test_a_change_to_something_older_is_refused(system: System) -> None:
    store = await system.new_store()
    made = await _create(system.operator, store, Product(display_name="Shea"))
    await _update(system.operator, Product(name=made.name, sort_order=1), "sort_order")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _update(system.operator, Product(name=made.name, sort_order=2, etag=made.etag), "sort_order")
    assert refused.value.code() == Code.ABORTED
    assert error_info(refused.value).reason == "ETAG_MISMATCH"


async def test_a_repeat_of_a_creation_answers_with_what_the_first_made(system: System) -> None:
    store = await system.new_store()
    request = catalog_pb2.CreateProductRequest(
        parent=store, product=Product(display_name="Shea"), request_id="55555555-6666"
    )
    made = await asyncio.gather(*(system.operator.catalog.CreateProduct(request) for _ in range(4)))
    assert len({each.product.name for each in made}) == 1
    assert len(await _list(system.operator, store)) == 1


async def test_a_change_to_what_has_been_deleted_makes_nothing_new(system: System) -> None:
    store = await system.new_store()
    made = await _create(system.operator, store, Product(display_name="Shea"))
    await system.operator.catalog.DeleteProduct(catalog_pb2.DeleteProductRequest(name=made.name))
    request = catalog_pb2.UpdateProductRequest(product=made, allow_missing=True)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await system.operator.catalog.UpdateProduct(request)
    assert refused.value.code() == Code.ABORTED


async def test_a_sku_names_one_product_of_a_store(system: System) -> None:
    store, other = await system.new_store(), await system.new_store()
    made = await _create(system.operator, store, Product(display_name="Shea", sku="S1"))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _create(system.operator, store, Product(display_name="Soap", sku="S1"))
    assert refused.value.code() == Code.ALREADY_EXISTS
    assert error_info(refused.value).reason == "SKU_TAKEN"
    await _create(system.operator, other, Product(display_name="Shea", sku="S1"))
    await system.operator.catalog.DeleteProduct(catalog_pb2.DeleteProductRequest(name=made.name))
    await _create(system.operator, store, Product(display_name="Soap", sku="S1"))


async def test_a_deleted_product_is_gone(system: System) -> None:
    store = await system.new_store()
    made = await _create(system.operator, store, Product(display_name="Shea"))
    request = catalog_pb2.DeleteProductRequest(name=made.name)
    await system.operator.catalog.DeleteProduct(request)
    for call in (
        system.operator.catalog.GetProduct(catalog_pb2.GetProductRequest(name=made.name)),
        system.operator.catalog.DeleteProduct(request),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        assert refused.value.code() == Code.NOT_FOUND
    assert await _list(system.operator, store) == []


async def test_a_list_gives_every_product_once_in_sort_order(system: System) -> None:
    store = await system.new_store()
    for order in (3, 1, 2, 1, 0):
        await _create(system.operator, store, Product(display_name=f"P{order}", sort_order=order))
    listed = await _list(system.operator, store, page_size=2)
    assert [product.sort_order for product in listed] == [0, 1, 1, 2, 3]
    assert len({product.name for product in listed}) == 5


async def test_integrations_see_what_is_published_and_visible_only(system: System) -> None:
    store = await system.new_store()
    _, integration = await system.new_key(store, ["catalog.read"])
    shown = await _create(system.operator, store, Product(display_name="Shown"))
    draft = await _create(system.operator, store, Product(display_name="Draft", status=Product.STATUS_DRAFT))
    hidden = await _create(system.operator, store, Product(display_name="Hidden", website_visible=False))
    assert [product.name for product in await _list(integration, store)] == [shown.name]
    assert len(await _list(system.operator, store)) == 3
    for product in (draft, hidden):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await integration.catalog.GetProduct(catalog_pb2.GetProductRequest(name=product.name))
        assert refused.value.code() == Code.NOT_FOUND


async def test_a_key_lists_its_own_stores_only(system: System) -> None:
    store = await system.new_store()
    await system.new_store()
    _, integration = await system.new_key(store, ["catalog.read"])
    listed = await integration.catalog.ListStores(catalog_pb2.ListStoresRequest())
    assert [each.name for each in listed.stores] == [store]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (Product(display_name="X", price=catalog_pb2.Money(amount="4,50")), "product.price.amount"),
        (Product(display_name="X", price=catalog_pb2.Money(amount="-1")), "product.price.amount"),
        (Product(display_name="X", images=[catalog_pb2.ProductImage(uri="javascript:1")]), "product.images[0].uri"),
        (Product(display_name="  "), "product.display_name"),
        (Product(display_name="X", item_type=Product.ITEM_TYPE_SERVICE, stock_count=1), "product.stock_count"),
        (Product(display_name="X", low_stock_threshold=-1), "product.low_stock_threshold"),
        (Product(display_name="a\0b"), "Text must not hold the character U+0000"),
        (
            Product(display_name="X", images=[catalog_pb2.ProductImage(uri="https://x.example/", alt_text="\0")]),
            "Text must not hold the character U+0000",
        ),
    ],
)
async def test_a_wrong_product_is_refused_by_the_name_of_the_field(
    system: System, wrong: catalog_pb2.Product, field: str
) -> None:
    store = await system.new_store()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _create(system.operator, store, wrong)
    assert refused.value.code() == Code.INVALID_ARGUMENT
    assert str(refused.value.details()).startswith(field)
    assert await _list(system.operator, store) == []


async def test_a_mask_that_names_no_field_is_told_which_ones_there_are(system: System) -> None:
    store = await system.new_store()
    made = await _create(system.operator, store, Product(display_name="Shea"))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _update(system.operator, Product(name=made.name), "cost_price")
    assert refused.value.code() == Code.INVALID_ARGUMENT
    assert "stock_count" in str(refused.value.details())


async def test_the_largest_page_of_the_largest_products_can_be_read(system: System) -> None:
    store = await system.new_store()
    image = catalog_pb2.ProductImage(uri="https://x.example/" + "i" * 2030, alt_text="ß" * 250)
    product = Product(display_name="P", description="ß" * 5000, images=[image] * 10)
    for _ in range(200):
        await _create(system.operator, store, product)
    assert len(await _list(system.operator, store, page_size=200)) == 200


async def test_two_creations_of_one_store_make_one(system: System) -> None:
    name = await system.new_store()
    store = catalog_pb2.Store(display_name="Again")
    request = catalog_pb2.CreateStoreRequest(store_id=name.removeprefix("stores/"), store=store)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await system.operator.catalog.CreateStore(request)
    assert refused.value.code() == Code.ALREADY_EXISTS


async def test_concurrent_changes_get_a_version_each(system: System, databases: dict[str, str]) -> None:
    store = await system.new_store()
    names = [f"{store}/products/p{number}" for number in range(20)]
    requests = [
        catalog_pb2.UpdateProductRequest(product=Product(name=name, display_name=name), allow_missing=True)
        for name in names
    ]
    made = await asyncio.gather(*(system.operator.catalog.UpdateProduct(request) for request in requests))
    assert sorted(int(each.product.etag) for each in made) == list(range(1, 21))
    with psycopg2.connect(databases["catalog"]) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT version FROM store WHERE id = %s", (store.removeprefix("stores/"),))
        assert cursor.fetchone() == (20,)
    connection.close()


async def _create(client: Client, store: str, product: catalog_pb2.Product) -> catalog_pb2.Product:
    request = catalog_pb2.CreateProductRequest(parent=store, product=product)
    made: catalog_pb2.Product = (await client.catalog.CreateProduct(request)).product
    return made


async def _update(client: Client, product: catalog_pb2.Product, *paths: str) -> catalog_pb2.Product:
    request = catalog_pb2.UpdateProductRequest(product=product, update_mask=FieldMask(paths=paths))
    changed: catalog_pb2.Product = (await client.catalog.UpdateProduct(request)).product
    return changed


async def _list(client: Client, store: str, page_size: int = 0) -> list[catalog_pb2.Product]:
    listed: list[catalog_pb2.Product] = []
    token = ""
    while True:
        request = catalog_pb2.ListProductsRequest(parent=store, page_size=page_size, page_token=token)
        page = await client.catalog.ListProducts(request)
        listed += page.products
        token = page.next_page_token
        if not token:
            return listed
