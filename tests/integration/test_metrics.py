"""What processes show of themselves to whoever watches them."""

import asyncio
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import httpx
import pytest
from prometheus_client import REGISTRY, generate_latest
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2

from services.catalog.models import handle as catalog_handle
from services.catalog.models import outbox
from services.common import metrics
from services.common.database import BlockingDatabase
from services.common.errors import Unavailable
from services.common.ids import new_id
from services.common.outbox import EVENTS, OLDEST, OutboxEvent
from services.common.times import now
from services.common.vault import Vault
from services.keys import expiry
from services.keys.models import handle as keys_handle
from services.webhooks import backlog
from services.webhooks.models import handle as webhooks_handle
from services.webhooks.worker.__main__ import working
from tests.partner import Partner
from tests.queue import Queue
from tests.system import Settings, System, refused


@pytest.fixture(autouse=True)
def _shown() -> None:
    metrics.show(*metrics.OF_SERVICES)


LIST_STORES = "sedifex.catalog.v1.CatalogService/ListStores"


def value(name: str, **labels: str) -> float:
    """What a metric of this process says now; 0 if it has not been counted yet."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_calls_are_counted_by_method_and_code(system: System) -> None:
    await system.new_store()  # waits until leases hold
    answered = value("sedifex_rpc_requests_total", method=LIST_STORES, code="OK")
    denied = value("sedifex_rpc_requests_total", method=LIST_STORES, code="UNAUTHENTICATED")
    took = value("sedifex_rpc_duration_seconds_count", method=LIST_STORES)
    await system.operator.catalog.ListStores(catalog_pb2.ListStoresRequest())
    await refused(
        system.as_("nobody").catalog.ListStores(catalog_pb2.ListStoresRequest()), grpc.StatusCode.UNAUTHENTICATED
    )
    assert value("sedifex_rpc_requests_total", method=LIST_STORES, code="OK") == answered + 1
    assert value("sedifex_rpc_requests_total", method=LIST_STORES, code="UNAUTHENTICATED") == denied + 1
    assert value("sedifex_rpc_duration_seconds_count", method=LIST_STORES) == took + 2


async def test_a_method_that_is_not_in_the_contract_makes_no_series(system: System) -> None:
    call: Any = system.channels["keys"].unary_unary("/sedifex.keys.v1.KeysService/Invented")
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call(b"")
    assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "Invented" not in generate_latest().decode()


async def test_verdicts_are_counted_by_what_they_cost(system: System) -> None:
    _, client = await system.new_key(await system.new_store())
    asked, remembered = (value("sedifex_verdicts_total", outcome=each) for each in ("asked", "remembered"))
    for _ in range(3):
        await client.catalog.ListStores(catalog_pb2.ListStoresRequest())
    assert value("sedifex_verdicts_total", outcome="asked") == asked + 1
    assert value("sedifex_verdicts_total", outcome="remembered") == remembered + 2


async def test_a_revocation_says_how_long_it_waited_and_for_whom(system: System) -> None:
    key, _ = await system.new_key(await system.new_store())
    waited = value("sedifex_revocation_barrier_seconds_count")
    confirmed = value("sedifex_revocation_watchers_total", outcome="acknowledged")
    done = await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
    assert value("sedifex_revocation_barrier_seconds_count") == waited + 1
    assert value("sedifex_revocation_watchers_total", outcome="acknowledged") == confirmed + done.acknowledged


@pytest.fixture
def keys_database(settings: Settings) -> Iterator[BlockingDatabase]:
    with BlockingDatabase(keys_handle, settings.keys.keys_database_url.get_secret_value(), "test-metrics") as made:
        yield made


async def test_a_key_that_ends_soon_is_counted_until_it_is_revoked(
    system: System, keys_database: BlockingDatabase
) -> None:
    def expiring() -> float:
        return keys_database.read(expiry.sample, now())[expiry.EXPIRING]

    store, before = await system.new_store(), expiring()
    key, _ = await system.new_key(store, expire_time=datetime.now(UTC) + timedelta(days=2))
    assert expiring() == before + 1
    await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
    assert expiring() == before


def test_the_outbox_says_how_much_waits_and_for_how_long(settings: Settings) -> None:
    url = settings.catalog.catalog_database_url.get_secret_value()
    with BlockingDatabase(catalog_handle, url, "test-metrics") as database:
        # In one transaction that is rolled back: the relay of another test must not take them.
        found = {}

        def look() -> None:
            catalog_handle.execute_sql("DELETE FROM outbox")
            assert outbox.sample() == {EVENTS: 0, OLDEST: 0.0}
            times = [now() - timedelta(seconds=age) for age in (40, 3)]
            outbox.insert([OutboxEvent(new_id("evt"), "st_m", "product.created", 1, each, "{}") for each in times])
            found.update(outbox.sample())
            raise Unavailable("enough")

        with pytest.raises(Unavailable):
            database.write(look)
    assert found[EVENTS] == 2
    assert 39 <= found[OLDEST] < 60  # the transaction had begun a moment before


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    url = settings.webhooks.webhooks_database_url.get_secret_value()
    with BlockingDatabase(webhooks_handle, url, "test-metrics") as database:
        yield Queue(database, Vault(settings.webhooks.webhook_secret_keys))


def test_what_no_worker_has_looked_at_shows_as_lag(queue: Queue) -> None:
    queue.sql("DELETE FROM endpoint_nudge")
    assert queue.database.read(backlog.sample)[backlog.DUE] == 0
    queue.add_due(queue.add_endpoint(), 3)
    queue.sql("UPDATE due SET due_time = due_time - interval '90 s'")
    found = queue.database.read(backlog.sample)
    assert found[backlog.DUE] == 3
    assert 90 <= found[backlog.OLDEST] < 120
    assert 90 <= found[backlog.LAG] < 120


def test_what_waits_for_its_own_endpoint_is_no_lag(queue: Queue) -> None:
    endpoint = queue.add_endpoint()
    queue.add_due(endpoint, 20)
    in_flight = len(queue.claim())
    queue.sql("UPDATE due SET due_time = due_time - interval '90 s' WHERE lease_token IS NULL")
    queue.claim()  # hears of that
    found = queue.database.read(backlog.sample)
    assert found[backlog.DUE] == 20 - in_flight
    assert found[backlog.OLDEST] >= 90
    assert found[backlog.LAG] < 30


def test_an_endpoint_that_fails_is_counted_until_it_is_well(queue: Queue) -> None:
    before = queue.database.read(backlog.sample)[backlog.FAILING]
    endpoint = queue.add_endpoint()
    queue.add_due(endpoint)
    queue.try_all(status=500)
    assert queue.database.read(backlog.sample)[backlog.FAILING] == before + 1
    queue.add_due(endpoint)
    queue.try_all()
    assert queue.database.read(backlog.sample)[backlog.FAILING] == before


async def test_a_delivery_is_counted_by_what_became_of_it(queue: Queue, settings: Settings, partner: Partner) -> None:
    labels = {"state": "succeeded", "sign": "success"}
    before = value("sedifex_delivery_attempts_total", **labels)
    timed = value("sedifex_delivery_attempt_duration_seconds_count")
    queue.add_due(queue.add_endpoint(partner.url), 5)
    with working(settings.webhooks):
        for _ in range(5):
            await asyncio.to_thread(partner.next)
    # All that was sent is recorded when the worker has stopped.
    assert value("sedifex_delivery_attempts_total", **labels) == before + 5
    assert value("sedifex_delivery_attempt_duration_seconds_count") == timed + 5


async def test_a_gauge_whose_source_is_away_meets_no_condition() -> None:
    has_failed = asyncio.Event()
    values = iter([{expiry.EXPIRING: 3.0}])

    async def sample() -> metrics.Sample:
        try:
            return next(values)
        except StopIteration:
            has_failed.set()
            raise Unavailable("The database is away.") from None

    task = asyncio.create_task(metrics.sampling(sample, every=0.01))
    await asyncio.wait_for(has_failed.wait(), 5)
    task.cancel()
    assert math.isnan(value("sedifex_keys_expiring"))


async def test_requests_are_counted_by_route_and_never_by_what_a_client_wrote(
    system: System, gateway: httpx.AsyncClient
) -> None:
    route = "/v1/{parent=stores/*}/products"
    before = {each: value("sedifex_http_requests_total", method="GET", route=each, status="401") for each in (route,)}
    await gateway.get("/v1/stores/st_unheard_of/products")
    assert value("sedifex_http_requests_total", method="GET", route=route, status="401") == before[route] + 1
    await gateway.get("/healthz")
    assert value("sedifex_http_requests_total", method="GET", route="/healthz", status="200") >= 1
    await gateway.request("INVENTED", "/of/my/own")
    assert value("sedifex_http_requests_total", method="other", route="none", status="404") >= 1
    text = generate_latest().decode()
    assert not [each for each in ("st_unheard_of", "INVENTED", "/of/my/own") if each in text]
