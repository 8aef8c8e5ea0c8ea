"""What is really delivered is what the schemas say; the schemas are there for everybody."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from jsonschema import Draft202012Validator
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from services.common.database import BlockingDatabase
from services.common.ids import new_id
from services.common.times import to_timestamp
from services.keys import expiry
from services.keys.models import handle
from services.webhooks.event_types import event_types
from services.webhooks.worker.__main__ import working
from services.webhooks.worker.loop import Worker
from tests.hooks import Hooks, delivered
from tests.partner import Partner
from tests.system import System
from tests.unit.services.webhooks.test_event_types import strict

Product = catalog_pb2.Product


@pytest.fixture
def worker(system: System) -> Iterator[Worker]:
    with working(system.settings.webhooks) as running:
        yield running


@pytest.fixture
def keys_database(system: System) -> Iterator[BlockingDatabase]:
    """The Keys database, in this thread."""
    with BlockingDatabase(handle, system.settings.keys.keys_database_url.get_secret_value(), "test") as database:
        yield database


async def test_everything_that_is_delivered_is_valid_by_its_schema(
    system: System, partner: Partner, worker: Worker, keys_database: BlockingDatabase
) -> None:
    hooks = await Hooks.of_new_store(system)
    asked = [name for name in event_types() if name != "test.ping"]
    endpoint = await hooks.endpoint(partner.url, event_types=asked)
    await _live_through_products(system, hooks.store)
    await _live_through_keys(system, hooks.store, keys_database)
    await hooks.stub.SendTestEvent(webhooks_pb2.SendTestEventRequest(name=endpoint.name))
    seen: dict[str, int] = {}
    while set(seen) != set(event_types()) or seen["product.updated"] < 2:
        event = (await delivered(partner)).event
        Draft202012Validator(strict(event_types()[event["type"]].schema)).validate(event)
        seen[event["type"]] = seen.get(event["type"], 0) + 1


async def test_the_gateway_serves_the_schemas_as_files(gateway: httpx.AsyncClient) -> None:
    answer = await gateway.get("/schemas/events/product.updated.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/schema+json"
    assert "max-age" in answer.headers["cache-control"]
    assert answer.json() == event_types()["product.updated"].schema
    again = await gateway.get(answer.url.path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = await gateway.head(answer.url.path)
    assert (head.status_code, head.content) == (200, b"")
    unknown = await gateway.get("/schemas/events/product.exploded.json")
    assert (unknown.status_code, unknown.json()["error"]["status"]) == (404, "NOT_FOUND")
    assert (await gateway.post(answer.url.path)).status_code == 405


async def test_the_types_are_listed_with_schema_and_example_for_everybody(gateway: httpx.AsyncClient) -> None:
    listed = (await gateway.get("/v1/eventTypes")).json()["eventTypes"]
    assert [each["type"] for each in listed] == sorted(event_types())
    for each in listed:
        assert each["schemaVersion"] >= 1
        assert each["description"]
        Draft202012Validator(each["schema"]).validate(each["example"])


async def _live_through_products(system: System, store: str) -> None:
    """Made with everything that a product can have, changed, hidden; and with as little as possible."""
    catalog = system.operator.catalog
    full = Product(
        display_name="Kɛntɛ",
        description="Woven in Bonwire.",
        category="Cloth",
        brand="Bonwire",
        sku="K-1",
        barcode="2010000000014",
        price=_money("450"),
        compare_at_price=_money("500.5"),
        other_prices=[catalog_pb2.Money(currency_code="USD", amount="30")],
        stock_count=-2,
        low_stock_threshold=0,
        images=[catalog_pb2.ProductImage(uri="https://shop.example/k.jpg", alt_text="Cloth", width_pixels=800)],
        sort_order=-3,
    )
    plain, service = Product(display_name="Gari"), Product(display_name="Braids", item_type=Product.ITEM_TYPE_SERVICE)
    for product in (full, plain, service):
        made = (await catalog.CreateProduct(catalog_pb2.CreateProductRequest(parent=store, product=product))).product
        for change, path in (
            (Product(name=made.name, description="Now in stock."), "description"),
            (Product(name=made.name, website_visible=False), "website_visible"),
        ):
            mask = FieldMask(paths=[path])
            await catalog.UpdateProduct(catalog_pb2.UpdateProductRequest(product=change, update_mask=mask))


async def _live_through_keys(system: System, store: str, database: BlockingDatabase) -> None:
    """Made, rotated, near its end, at its end; and one that is revoked."""
    now = datetime.now(UTC)
    key, client = await system.new_key(
        store, expire_time=to_timestamp(now + timedelta(days=10)), allowed_cidrs=["127.0.0.0/8", "::1/128"]
    )
    await client.catalog.ListStores(catalog_pb2.ListStoresRequest())
    await system.operator.keys.RotateKey(keys_pb2.RotateKeyRequest(name=key.name))
    for moment in (now + timedelta(days=5), now + timedelta(days=11)):
        await asyncio.to_thread(_tell, database, moment)
    other, _ = await system.new_key(store)
    await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=other.name))


def _tell(database: BlockingDatabase, moment: datetime) -> None:
    while database.write(expiry.tell_of_next_end, moment, lambda: new_id("aud")):
        pass
    handle.close()


def _money(amount: str) -> Any:
    return catalog_pb2.Money(amount=amount)
