"""Following a feed: whoever follows has what there is, whatever is written meanwhile and by how many."""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import grpc
import psycopg2
import pytest
from sedifex.catalog.v1 import catalog_pb2

from services.catalog import products
from services.catalog.models import handle
from services.common.database import BlockingDatabase
from services.common.times import now
from tests.system import Client, System, error_info

Code = grpc.StatusCode
Product = catalog_pb2.Product


@dataclass
class Follower:
    """A copy of a shop's products that is kept by the changes alone."""

    client: Client
    store: str
    sizes: random.Random
    cursor: str = ""
    copy: dict[str, catalog_pb2.Product] = field(default_factory=dict)
    tombstones: int = 0

    async def catch_up(self) -> None:
        """Takes in what there is until there is no more."""
        more = True
        while more:
            answer = await _changes(self.client, self.store, cursor=self.cursor, page_size=self.sizes.randint(1, 7))
            for change in answer.changes:
                self._apply(change)
            self.cursor, more = answer.next_cursor, answer.more

    def _apply(self, change: catalog_pb2.ProductChange) -> None:
        if change.HasField("product"):
            known = self.copy.get(change.product.name)
            assert known is None or int(known.etag) < int(change.product.etag), "a change came again, or out of order"
            self.copy[change.product.name] = change.product
        else:
            self.tombstones += 1
            self.copy.pop(change.tombstone.name, None)


@pytest.mark.parametrize("seed", range(4))
async def test_followers_of_concurrent_writers_end_with_the_truth(system: System, seed: int) -> None:
    store = await system.new_store()
    _, reader = await system.new_key(store, ["catalog.read"])
    chance = random.Random(seed)
    for number in range(10):
        await _put(system.operator, store, number, chance)
    followers = [
        Follower(client, store, random.Random(seed * 10 + number))
        for number, client in enumerate((reader, system.operator, reader))
    ]
    writing = asyncio.gather(
        *(_write(system.operator, store, random.Random(seed * 100 + writer), 60) for writer in range(4))
    )
    while not writing.done():
        await asyncio.gather(*(follower.catch_up() for follower in followers[:2]))
    await writing
    await asyncio.gather(*(follower.catch_up() for follower in followers))  # the third one begins only now
    for follower in followers:
        truth = await _everything(follower.client, store)
        assert follower.copy == truth
    assert followers[0].tombstones, "something went"
    assert followers[2].tombstones == 0, "whoever begins is told of nothing that it never had"


async def test_each_change_comes_once_and_in_order(system: System) -> None:
    store = await system.new_store()
    begun = await _changes(system.operator, store)
    names = [(await _create(system.operator, store, Product(display_name=f"P{number}"))).name for number in range(5)]
    await _update(system.operator, Product(name=names[1], sort_order=3), "sort_order")
    await system.operator.catalog.DeleteProduct(catalog_pb2.DeleteProductRequest(name=names[2]))
    told = (await _changes(system.operator, store, cursor=begun.next_cursor)).changes
    assert [each.product.name or each.tombstone.name for each in told] == [
        names[0],
        names[3],
        names[4],
        names[1],
        names[2],
    ]
    assert told[-1].tombstone.HasField("delete_time")


async def test_what_integrations_stop_seeing_is_a_tombstone_for_them_and_a_change_for_the_shop(system: System) -> None:
    store = await system.new_store()
    _, reader = await system.new_key(store, ["catalog.read"])
    made = await _create(system.operator, store, Product(display_name="Kente"))
    cursors = [(await _changes(client, store)).next_cursor for client in (reader, system.operator)]
    await _update(system.operator, Product(name=made.name, website_visible=False), "website_visible")
    seen = (await _changes(reader, store, cursor=cursors[0])).changes
    assert [each.tombstone.name for each in seen] == [made.name]
    assert (await _changes(system.operator, store, cursor=cursors[1])).changes[0].product.name == made.name


async def test_nothing_is_told_to_integrations_of_what_they_never_saw(system: System) -> None:
    store = await system.new_store()
    _, reader = await system.new_key(store, ["catalog.read"])
    begun = await _changes(reader, store)
    draft = await _create(system.operator, store, Product(display_name="Draft", status=Product.STATUS_DRAFT))
    await _update(system.operator, Product(name=draft.name, sort_order=9), "sort_order")
    await system.operator.catalog.DeleteProduct(catalog_pb2.DeleteProductRequest(name=draft.name))
    assert (await _changes(reader, store, cursor=begun.next_cursor, if_none_match=begun.etag)).changes == []
    fresh = await _changes(reader, store)
    assert fresh.changes == []


async def test_what_begins_anew_unseen_is_gone_for_whoever_has_seen_it(system: System) -> None:
    store = await system.new_store()
    _, reader = await system.new_key(store, ["catalog.read"])
    made = await _create(system.operator, store, Product(display_name="Kente"))
    cursor = (await _changes(reader, store)).next_cursor
    await system.operator.catalog.DeleteProduct(catalog_pb2.DeleteProductRequest(name=made.name))
    anew = Product(name=made.name, display_name="Kente", status=Product.STATUS_DRAFT)
    await system.operator.catalog.UpdateProduct(catalog_pb2.UpdateProductRequest(product=anew, allow_missing=True))
    told = (await _changes(reader, store, cursor=cursor)).changes
    assert [each.tombstone.name for each in told] == [made.name]


async def test_an_unchanged_feed_is_not_sent_again(system: System) -> None:
    store = await system.new_store()
    await _create(system.operator, store, Product(display_name="Gari"))
    cursor = (await _changes(system.operator, store)).next_cursor
    first = await _changes(system.operator, store, cursor=cursor)
    again = await _changes(system.operator, store, cursor=cursor, if_none_match=first.etag)
    assert again.not_modified
    assert again.next_cursor == cursor
    await _create(system.operator, store, Product(display_name="Milo"))
    assert not (await _changes(system.operator, store, cursor=cursor, if_none_match=first.etag)).not_modified


async def test_a_cursor_from_before_what_was_forgotten_says_what_to_do(
    system: System, databases: dict[str, str]
) -> None:
    store = await system.new_store()
    _, reader = await system.new_key(store, ["catalog.read"])
    made = [await _create(system.operator, store, Product(display_name=f"P{number}")) for number in range(3)]
    old = (await _changes(reader, store)).next_cursor
    await system.operator.catalog.DeleteProduct(catalog_pb2.DeleteProductRequest(name=made[0].name))
    young = (await _changes(reader, store, cursor=old)).next_cursor
    _forget(system, databases, made[0].name)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _changes(reader, store, cursor=old)
    assert refused.value.code() == Code.FAILED_PRECONDITION
    assert error_info(refused.value).reason == "CURSOR_EXPIRED"
    assert (await _changes(reader, store, cursor=young)).changes == [], "whoever has heard of it goes on"
    anew = await _changes(reader, store)
    assert {each.product.name for each in anew.changes} == {made[1].name, made[2].name}
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await system.operator.catalog.UndeleteProduct(catalog_pb2.UndeleteProductRequest(name=made[0].name))
    assert refused.value.code() == Code.NOT_FOUND


async def test_what_was_deleted_lately_is_not_forgotten(system: System) -> None:
    store = await system.new_store()
    made = await _create(system.operator, store, Product(display_name="Gari"))
    await system.operator.catalog.DeleteProduct(catalog_pb2.DeleteProductRequest(name=made.name))
    url = system.settings.catalog.catalog_database_url.get_secret_value()
    with BlockingDatabase(handle, url, "test") as database:
        database.write(products.forget_deleted, now() + timedelta(days=29), 10_000)
    assert (await system.operator.catalog.UndeleteProduct(catalog_pb2.UndeleteProductRequest(name=made.name))).product


async def test_the_events_of_a_store_tell_the_same_as_its_list(system: System, databases: dict[str, str]) -> None:
    """Whoever applies every event in the order of its sequence has what integrations see, from writers side by side."""
    store = await system.new_store()
    _, reader = await system.new_key(store, ["catalog.read"])
    await asyncio.gather(*(_write(system.operator, store, random.Random(900 + writer), 40) for writer in range(3)))
    truth = {name.rpartition("/")[2] for name in await _everything(reader, store)}
    events = await _events(databases, store, await _last_version(databases, store))
    sequences = [sequence for _, sequence, _ in events]
    assert sequences == sorted(set(sequences)), "one event a change"
    copy: set[str] = set()
    for kind, _, product in events:
        assert (product in copy) is (kind != "product.created"), "created once, updated and deleted while it is there"
        (copy.discard if kind == "product.deleted" else copy.add)(product)
    assert copy == truth


async def _write(client: Client, store: str, chance: random.Random, count: int) -> None:
    """Changes at random, of products that others change as well."""
    for _ in range(count):
        number = chance.randint(0, 14)
        name = f"{store}/products/p{number}"
        match chance.randint(0, 9):
            case 0 | 1:
                await _quietly(client.catalog.DeleteProduct(catalog_pb2.DeleteProductRequest(name=name)))
            case 2:
                await _quietly(client.catalog.UndeleteProduct(catalog_pb2.UndeleteProductRequest(name=name)))
            case 3:
                rows = [
                    Product(name=f"{store}/products/p{each}", display_name=f"B{chance.randint(0, 3)}")
                    for each in chance.sample(range(15), 5)
                ]
                request = catalog_pb2.BatchUpsertProductsRequest(parent=store, products=rows)
                await client.catalog.BatchUpsertProducts(request)
            case _:
                await _put(client, store, number, chance)


async def _put(client: Client, store: str, number: int, chance: random.Random) -> None:
    wanted = Product(
        name=f"{store}/products/p{number}",
        display_name=f"Product {number}",
        stock_count=chance.randint(0, 3),
        status=chance.choice([Product.STATUS_PUBLISHED, Product.STATUS_PUBLISHED, Product.STATUS_DRAFT]),
        website_visible=chance.random() < 0.8,
    )
    await client.catalog.UpdateProduct(catalog_pb2.UpdateProductRequest(product=wanted, allow_missing=True))


async def _quietly(call: Any) -> None:
    """Where there may be nothing to delete, or to bring back."""
    try:
        await call
    except grpc.aio.AioRpcError as refused:
        if refused.code() != Code.NOT_FOUND:
            raise


async def _create(client: Client, store: str, product: catalog_pb2.Product) -> catalog_pb2.Product:
    request = catalog_pb2.CreateProductRequest(parent=store, product=product)
    made: catalog_pb2.Product = (await client.catalog.CreateProduct(request)).product
    return made


async def _update(client: Client, product: catalog_pb2.Product, *paths: str) -> None:
    request = catalog_pb2.UpdateProductRequest(product=product)
    request.update_mask.paths.extend(paths)
    await client.catalog.UpdateProduct(request)


async def _changes(client: Client, store: str, **options: Any) -> catalog_pb2.ListProductChangesResponse:
    answer: catalog_pb2.ListProductChangesResponse = await client.catalog.ListProductChanges(
        catalog_pb2.ListProductChangesRequest(parent=store, **options)
    )
    return answer


async def _everything(client: Client, store: str) -> dict[str, catalog_pb2.Product]:
    listed = await client.catalog.ListProducts(catalog_pb2.ListProductsRequest(parent=store, page_size=200))
    return {product.name: product for product in listed.products}


def _forget(system: System, databases: dict[str, str], name: str) -> None:
    """As if the product had been deleted long ago."""
    product_id, store_id = name.rpartition("/")[2], name.split("/")[1]
    with psycopg2.connect(databases["catalog"]) as connection, connection.cursor() as cursor:
        statement = "UPDATE product SET delete_time = now() - interval '31 days' WHERE store_id = %s AND id = %s"
        cursor.execute(statement, (store_id, product_id))
    connection.close()
    url = system.settings.catalog.catalog_database_url.get_secret_value()
    with BlockingDatabase(handle, url, "test") as database:
        while database.write(products.forget_deleted, now(), 1):
            pass


async def _last_version(databases: dict[str, str], store: str) -> int:
    return int(_fetch(databases["catalog"], "SELECT seen_version FROM store WHERE id = %s", store)[0][0])


async def _events(databases: dict[str, str], store: str, last: int) -> list[tuple[str, int, str]]:
    """Type, sequence and product of each event of the store, once the last one has arrived at Webhooks."""
    statement = """
        SELECT type, (convert_from(body, 'UTF8')::jsonb ->> 'sequence')::bigint AS sequence,
            convert_from(body, 'UTF8')::jsonb -> 'data' ->> 'productId'
        FROM event WHERE store_id = %s AND type LIKE 'product.%%' ORDER BY sequence
    """
    async with asyncio.timeout(20):
        while True:
            rows = await asyncio.to_thread(_fetch, databases["webhooks"], statement, store)
            if rows and rows[-1][1] == last:
                return rows
            await asyncio.sleep(0.05)  # nobody tells when the relay is done


def _fetch(url: str, statement: str, store: str) -> list[Any]:
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(statement, (store.removeprefix("stores/"),))
        rows = cursor.fetchall()
    connection.close()
    return rows
