"""What happens to keys reaches the store's audit log, and its webhook endpoints where they ask for it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import grpc
import psycopg2
import pytest
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from services.common.database import BlockingDatabase
from services.common.ids import new_id
from services.common.times import to_timestamp
from services.keys import expiry
from services.keys.models import handle
from services.webhooks import signing
from services.webhooks.worker.__main__ import working
from services.webhooks.worker.loop import Worker
from tests.partner import Delivered, Partner
from tests.system import Client, System, error_info

KEY_EVENTS = ["key.created", "key.expired", "key.expiring", "key.revoked", "key.rotated"]


@pytest.fixture
def worker(system: System) -> Iterator[Worker]:
    with working(system.settings.webhooks) as running:
        yield running


@pytest.fixture
def keys_database(system: System) -> Iterator[BlockingDatabase]:
    """The Keys database, in this thread."""
    with BlockingDatabase(handle, system.settings.keys.keys_database_url.get_secret_value(), "test") as database:
        yield database


async def test_a_keys_life_is_told_to_who_asks_for_it_signed_and_in_order(
    system: System, partner: Partner, worker: Worker
) -> None:
    store = await system.new_store()
    secret = (await _endpoint(system.operator, store, partner.url, KEY_EVENTS)).secret
    key, _ = await system.new_key(store, ["catalog.read"])
    await system.operator.keys.RotateKey(keys_pb2.RotateKeyRequest(name=key.name))
    await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
    deliveries = sorted([await _next(partner) for _ in range(3)], key=lambda each: each.event["sequence"])
    assert [each.event["type"] for each in deliveries] == ["key.created", "key.rotated", "key.revoked"]
    for each in deliveries:
        signing.verify(each.headers, each.body, secret, now=int(each.headers["webhook-timestamp"]))
        assert each.event["storeId"] == store.removeprefix("stores/")
        assert each.event["data"]["keyId"] == key.name.rpartition("/")[2]
    created, rotated, revoked = (each.event["data"] for each in deliveries)
    assert created["before"] is None
    assert created["after"]["scopes"] == ["catalog.read"]
    assert rotated["after"]["state"] == "STATE_ROTATING"
    assert revoked["before"]["state"] == "STATE_ROTATING"
    assert revoked["after"]["state"] == "STATE_REVOKED"


async def test_no_secret_is_in_an_event(system: System, partner: Partner, worker: Worker) -> None:
    store = await system.new_store()
    await _endpoint(system.operator, store, partner.url, KEY_EVENTS)
    _, client = await system.new_key(store)
    body = (await _next(partner)).body.decode()
    assert client.token[-4:] in body, "the hint is"
    assert client.token not in body
    assert client.token[10:42] not in body


async def test_an_endpoint_that_names_no_types_hears_of_products_only(
    system: System, partner: Partner, worker: Worker
) -> None:
    store = await system.new_store()
    await _endpoint(system.operator, store, partner.url, [])
    await system.new_key(store)
    product = catalog_pb2.Product(display_name="Shea")
    await system.operator.catalog.CreateProduct(catalog_pb2.CreateProductRequest(parent=store, product=product))
    assert (await _next(partner)).event["type"] == "product.created"
    listed = await system.operator.webhooks.ListDeliveries(webhooks_pb2.ListDeliveriesRequest(parent=store))
    assert [each.event_type for each in listed.deliveries] == ["product.created"]


async def test_to_ask_for_events_of_keys_takes_the_scope_to_read_them(system: System, partner: Partner) -> None:
    store = await system.new_store()
    _, without = await system.new_key(store, ["webhooks.write"])
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _endpoint(without, store, partner.url, ["product.created", "key.revoked"])
    assert error_info(refused.value).metadata["scope"] == "keys.read"
    _, having = await system.new_key(store, ["webhooks.write", "keys.read"])
    assert await _endpoint(having, store, partner.url, ["key.revoked"])


async def test_an_end_is_told_of_before_it_comes_and_when_it_has_come_once_each(
    system: System, keys_database: BlockingDatabase
) -> None:
    store = await system.new_store()
    ends = datetime.now(UTC) + timedelta(days=10)
    key, _ = await system.new_key(store, expire_time=ends)
    moments = [ends + offset for offset in (timedelta(days=-8), timedelta(days=-6), timedelta(0), timedelta(days=1))]
    told = []
    for moment in (each for each in moments for _ in range(2)):
        _tell(keys_database, moment)
        told.append((await _actions(system, store))[1:])
    warned, over = ["key.expiring"], ["key.expiring", "key.expired"]
    assert told == [[], [], warned, warned, over, over, over, over]
    entries = await _entries(system, store)
    assert {entry.actor for entry in entries if entry.action != "key.created"} == {"services/keys"}
    assert {entry.resource for entry in entries} == {key.name}


async def test_an_end_that_was_put_off_is_told_of_anew(system: System, keys_database: BlockingDatabase) -> None:
    store = await system.new_store()
    now = datetime.now(UTC)
    key, _ = await system.new_key(store, expire_time=now + timedelta(days=2))
    _tell(keys_database, now)
    later = keys_pb2.Key(name=key.name, expire_time=to_timestamp(now + timedelta(days=30)))
    await system.operator.keys.UpdateKey(keys_pb2.UpdateKeyRequest(key=later))
    _tell(keys_database, now)
    assert await _actions(system, store) == ["key.created", "key.expiring", "key.updated"]
    _tell(keys_database, now + timedelta(days=25))
    assert (await _actions(system, store))[-1] == "key.expiring"


async def test_nobody_is_told_of_the_end_of_a_revoked_key(system: System, keys_database: BlockingDatabase) -> None:
    store = await system.new_store()
    now = datetime.now(UTC)
    key, _ = await system.new_key(store, expire_time=now + timedelta(days=30))
    await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
    _tell(keys_database, now + timedelta(days=60))
    assert await _actions(system, store) == ["key.created", "key.revoked"]


async def test_two_processes_tell_of_an_end_once(system: System, keys_database: BlockingDatabase) -> None:
    """One has the key in hand: the other goes past it instead of waiting, or telling again."""
    store = await system.new_store()
    now = datetime.now(UTC)
    key, _ = await system.new_key(store, expire_time=now + timedelta(days=10))
    connection = psycopg2.connect(system.settings.keys.keys_database_url.get_secret_value())
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM api_key WHERE id = %s FOR UPDATE", (key.name.rpartition("/")[2],))
        _tell(keys_database, now + timedelta(days=9))
        assert await _actions(system, store) == ["key.created"]
    connection.close()
    _tell(keys_database, now + timedelta(days=9))
    assert await _actions(system, store) == ["key.created", "key.expiring"]


def _tell(database: BlockingDatabase, now: datetime) -> None:
    while database.write(expiry.tell_of_next_end, now, lambda: new_id("aud")):
        pass


async def _entries(system: System, store: str) -> list[keys_pb2.AuditEntry]:
    """Oldest first."""
    request = keys_pb2.ListAuditEntriesRequest(parent=store)
    return list((await system.operator.keys.ListAuditEntries(request)).audit_entries)[::-1]


async def _actions(system: System, store: str) -> list[str]:
    return [entry.action for entry in await _entries(system, store)]


async def _endpoint(
    client: Client, store: str, url: str, event_types: list[str]
) -> webhooks_pb2.CreateWebhookEndpointResponse:
    request = webhooks_pb2.CreateWebhookEndpointRequest(parent=store, url=url, event_types=event_types)
    made: webhooks_pb2.CreateWebhookEndpointResponse = await client.webhooks.CreateWebhookEndpoint(request)
    return made


async def _next(partner: Partner) -> Delivered:
    return await asyncio.to_thread(partner.next)
