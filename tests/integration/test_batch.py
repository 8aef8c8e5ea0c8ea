"""Many products at a time: every valid row lands, every other one says why, and nothing happens twice."""

import asyncio

import grpc
import pytest
from sedifex.catalog.v1 import catalog_pb2

from tests.system import Client, System

Code = grpc.StatusCode
Product = catalog_pb2.Product
Result = catalog_pb2.ProductRowResult
CREATED, UPDATED = Result.OUTCOME_CREATED, Result.OUTCOME_UPDATED
UNCHANGED, INVALID = Result.OUTCOME_UNCHANGED, Result.OUTCOME_INVALID


def _money(amount: str, currency: str = "") -> catalog_pb2.Money:
    return catalog_pb2.Money(amount=amount, currency_code=currency)


async def test_rows_are_for_a_product_by_name_by_sku_or_a_new_one(system: System) -> None:
    store = await system.new_store()
    first = await _upsert(
        system.operator,
        store,
        Product(name=f"{store}/products/mine", display_name="Shea"),
        Product(sku="MILO", display_name="Milo", price=_money("62.50")),
        Product(display_name="Gari"),
    )
    assert [each.outcome for each in first.results] == [CREATED] * 3
    assert first.created_count == 3
    second = await _upsert(
        system.operator,
        store,
        Product(name=f"{store}/products/mine", display_name="Shea Butter"),
        Product(sku="MILO", stock_count=3),
    )
    assert [each.outcome for each in second.results] == [UPDATED] * 2
    assert [each.name for each in second.results] == [each.name for each in first.results[:2]]
    milo = await _get(system.operator, second.results[1].name)
    assert (milo.display_name, milo.price.amount, milo.stock_count) == ("Milo", "62.50", 3), "the rest stays"
    assert milo.etag == second.results[1].etag


async def test_what_is_not_valid_holds_nothing_else_up_and_is_told_by_field(system: System) -> None:
    store = await system.new_store()
    answer = await _upsert(
        system.operator,
        store,
        Product(display_name="Good"),
        Product(display_name=""),
        Product(display_name="x", price=_money("12,50")),
        Product(display_name="x", item_type=Product.ITEM_TYPE_SERVICE, stock_count=3),
        Product(name="stores/st_other/products/p", display_name="x"),
        Product(name=f"{store}/products/no such id", display_name="x"),
        Product(display_name="x" * 300, category="y" * 300),
        Product(display_name="x", price=_money("5"), other_prices=[_money("1", "USD"), _money("2", "USD")]),
        Product(display_name="x", price=_money("5"), compare_at_price=_money("5")),
        Product(display_name="Good too"),
    )
    outcomes = [each.outcome for each in answer.results]
    assert outcomes == [CREATED, *[INVALID] * 8, CREATED]
    fields = [[problem.field for problem in each.problems] for each in answer.results]
    assert fields[1:9] == [
        ["display_name"],
        ["price.amount"],
        ["stock_count"],
        ["name"],
        ["name"],
        ["display_name", "category"],
        ["other_prices"],
        ["compare_at_price"],
    ]
    assert (answer.created_count, answer.invalid_count) == (2, 8)
    assert len(await _list(system.operator, store)) == 2


async def test_repeating_a_batch_changes_nothing_and_tells_nobody(system: System) -> None:
    store = await system.new_store()
    rows = [Product(sku=f"S{number}", display_name=f"P{number}", price=_money("5")) for number in range(20)]
    first = await _upsert(system.operator, store, *rows)
    before = await _list(system.operator, store)
    again = await _upsert(system.operator, store, *rows)
    assert again.unchanged_count == 20
    assert [each.etag for each in again.results] == [each.etag for each in first.results]
    assert await _list(system.operator, store) == before


async def test_a_later_row_sees_what_an_earlier_one_has_done(system: System) -> None:
    store = await system.new_store()
    answer = await _upsert(
        system.operator,
        store,
        Product(sku="A", display_name="First"),
        Product(sku="A", stock_count=4),
        Product(sku="A", display_name="First"),
        Product(name=f"{store}/products/b", sku="A", display_name="Second"),
    )
    assert [each.outcome for each in answer.results] == [CREATED, UPDATED, UNCHANGED, INVALID]
    assert len({each.name for each in answer.results[:3]}) == 1
    assert answer.results[3].problems[0].reason == "SKU_TAKEN"
    (only,) = await _list(system.operator, store)
    assert (only.display_name, only.stock_count) == ("First", 4)
    assert only.etag == "1", "one change, however many rows"


async def test_skus_can_go_round_in_one_batch(system: System) -> None:
    store = await system.new_store()
    names = [f"{store}/products/{each}" for each in "abc"]
    skus = zip(names, "ABC", strict=True)
    await _upsert(system.operator, store, *(Product(name=name, display_name=name[-1], sku=sku) for name, sku in skus))
    answer = await _upsert(
        system.operator,
        store,
        Product(name=names[0], sku="X"),
        Product(name=names[1], sku="A"),
        Product(name=names[2], sku="B"),
        Product(name=names[0], sku="C"),
    )
    assert [each.outcome for each in answer.results] == [UPDATED] * 4
    assert {each.name: each.sku for each in await _list(system.operator, store)} == dict(zip(names, "CAB", strict=True))


async def test_a_dry_run_says_what_would_be_and_does_nothing(system: System) -> None:
    store = await system.new_store()
    await _upsert(system.operator, store, Product(sku="A", display_name="There"))
    rows = [Product(sku="A", display_name="Changed"), Product(display_name="New"), Product(display_name="")]
    request = catalog_pb2.BatchUpsertProductsRequest(parent=store, products=rows, validate_only=True)
    answer = await system.operator.catalog.BatchUpsertProducts(request)
    assert [each.outcome for each in answer.results] == [UPDATED, CREATED, INVALID]
    assert [each.display_name for each in await _list(system.operator, store)] == ["There"]


async def test_a_row_brings_a_deleted_product_back_anew(system: System) -> None:
    store = await system.new_store()
    name = f"{store}/products/p"
    await _upsert(system.operator, store, Product(name=name, display_name="Old", brand="Nestlé"))
    await system.operator.catalog.DeleteProduct(catalog_pb2.DeleteProductRequest(name=name))
    answer = await _upsert(system.operator, store, Product(name=name, display_name="New"))
    assert answer.results[0].outcome == CREATED
    assert (await _get(system.operator, name)).brand == ""


async def test_batches_side_by_side_give_every_product_a_version_of_its_own(system: System) -> None:
    store = await system.new_store()
    batches = [[Product(display_name=f"{batch}-{number}") for number in range(25)] for batch in range(6)]
    await asyncio.gather(*(_upsert(system.operator, store, *batch) for batch in batches))
    assert sorted(int(each.etag) for each in await _list(system.operator, store)) == list(range(1, 151))


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_batch_has_a_row_at_least_and_a_thousand_at_most(system: System, count: int) -> None:
    store = await system.new_store()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _upsert(system.operator, store, *[Product(display_name="x")] * count)
    assert refused.value.code() == Code.INVALID_ARGUMENT


async def test_a_thousand_rows_are_one_transaction(system: System) -> None:
    store = await system.new_store()
    rows = [Product(sku=f"S{number}", display_name=f"P{number}") for number in range(1000)]
    answer = await _upsert(system.operator, store, *rows)
    assert answer.created_count == 1000
    assert {each.etag for each in answer.results} == {str(version) for version in range(1, 1001)}


async def test_prices_in_other_currencies_and_before_a_reduction_come_back(system: System) -> None:
    store = await system.new_store()
    row = Product(
        display_name="Kente",
        price=_money("450"),
        compare_at_price=_money("500"),
        other_prices=[_money("40", "USD"), _money("35.5", "EUR")],
    )
    answer = await _upsert(system.operator, store, row)
    kente = await _get(system.operator, answer.results[0].name)
    assert (kente.compare_at_price.currency_code, kente.compare_at_price.amount) == ("GHS", "500.00")
    assert [(each.currency_code, each.amount) for each in kente.other_prices] == [("EUR", "35.50"), ("USD", "40.00")]


@pytest.mark.parametrize(
    ("stock", "threshold", "availability"),
    [
        (None, None, Product.AVAILABILITY_NOT_TRACKED),
        (0, None, Product.AVAILABILITY_OUT_OF_STOCK),
        (-1, 5, Product.AVAILABILITY_OUT_OF_STOCK),
        (5, 5, Product.AVAILABILITY_LOW_STOCK),
        (6, 5, Product.AVAILABILITY_IN_STOCK),
        (1, None, Product.AVAILABILITY_IN_STOCK),
        (1, 0, Product.AVAILABILITY_IN_STOCK),
    ],
)
async def test_availability_follows_from_the_stock(
    system: System, stock: int | None, threshold: int | None, availability: int
) -> None:
    store = await system.new_store()
    row = Product(display_name="Milo", stock_count=stock, low_stock_threshold=threshold)
    answer = await _upsert(system.operator, store, row)
    assert (await _get(system.operator, answer.results[0].name)).availability == availability


async def test_a_store_is_changed_by_field_and_by_etag(system: System) -> None:
    store = await system.new_store()
    found = (await system.operator.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))).store
    wanted = catalog_pb2.Store(name=store, phone="024 000 0000", etag=found.etag)
    changed = (await system.operator.catalog.UpdateStore(catalog_pb2.UpdateStoreRequest(store=wanted))).store
    assert (changed.phone, changed.display_name) == ("024 000 0000", found.display_name)
    assert changed.etag != found.etag
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await system.operator.catalog.UpdateStore(catalog_pb2.UpdateStoreRequest(store=wanted))
    assert refused.value.code() == Code.ABORTED
    nameless = catalog_pb2.UpdateStoreRequest(store=catalog_pb2.Store(name=store))
    nameless.update_mask.paths.append("display_name")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await system.operator.catalog.UpdateStore(nameless)
    assert refused.value.code() == Code.INVALID_ARGUMENT


async def test_a_product_comes_back_as_it_was_unless_its_sku_is_taken(system: System) -> None:
    store = await system.new_store()
    name = f"{store}/products/p"
    await _upsert(system.operator, store, Product(name=name, display_name="Milo", sku="MILO", brand="Nestlé"))
    delete, undelete = catalog_pb2.DeleteProductRequest(name=name), catalog_pb2.UndeleteProductRequest(name=name)
    await system.operator.catalog.DeleteProduct(delete)
    back = (await system.operator.catalog.UndeleteProduct(undelete)).product
    assert (back.brand, back.sku) == ("Nestlé", "MILO")
    assert not back.HasField("delete_time")
    await system.operator.catalog.DeleteProduct(delete)
    await _upsert(system.operator, store, Product(sku="MILO", display_name="Another"))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await system.operator.catalog.UndeleteProduct(undelete)
    assert refused.value.code() == Code.ALREADY_EXISTS


async def _upsert(client: Client, store: str, *rows: catalog_pb2.Product) -> catalog_pb2.BatchUpsertProductsResponse:
    request = catalog_pb2.BatchUpsertProductsRequest(parent=store, products=rows)
    answer: catalog_pb2.BatchUpsertProductsResponse = await client.catalog.BatchUpsertProducts(request)
    return answer


async def _get(client: Client, name: str) -> catalog_pb2.Product:
    found: catalog_pb2.Product = (await client.catalog.GetProduct(catalog_pb2.GetProductRequest(name=name))).product
    return found


async def _list(client: Client, store: str) -> list[catalog_pb2.Product]:
    request = catalog_pb2.ListProductsRequest(parent=store, page_size=200)
    return list((await client.catalog.ListProducts(request)).products)
