"""Deliveries counted by hour and by what has become of them."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import grpc
import pytest
from sedifex.webhooks.v1 import webhooks_pb2

from services.common.database import Database
from services.common.ids import ids_of
from services.common.times import now
from services.webhooks import deliveries, log_queries
from services.webhooks.models import handle
from services.webhooks.worker.__main__ import working
from tests.hooks import Hooks, until
from tests.partner import Partner
from tests.system import Settings, System, refused

Code = grpc.StatusCode


@pytest.fixture
async def hooks(system: System) -> Hooks:
    return await Hooks.of_new_store(system)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The database of webhooks, beside the running service."""
    with Database(handle, settings.webhooks.webhooks_database_url.get_secret_value(), 2, "test-counts") as made:
        yield made


async def test_deliveries_are_counted_by_what_has_become_of_them(
    system: System, hooks: Hooks, partner: Partner
) -> None:
    good = await hooks.endpoint(partner.url, event_types=["product.updated"])
    await hooks.endpoint()
    gone = await hooks.endpoint()
    partner.answers[:] = [410, 204]
    with working(system.settings.webhooks):
        await hooks.publish()
        await until(hooks.log, lambda log: any(each.state == webhooks_pb2.Delivery.STATE_DEAD for each in log))
        await hooks.enable(good.name)
        await hooks.publish()
        await until(hooks.log, lambda log: any(each.state == webhooks_pb2.Delivery.STATE_SUCCEEDED for each in log))
    await hooks.stub.DeleteWebhookEndpoint(webhooks_pb2.DeleteWebhookEndpointRequest(name=gone.name))
    hours = await _count(hooks)
    assert len(hours) == 24
    assert _sums(hours) == (1, 1, 2, 2)
    assert _sums(await _count(hooks, endpoint=good.name)) == (1, 1, 0, 0)
    assert hours[-1].start_time.ToDatetime() <= now().replace(tzinfo=None) < _end(hours[-1])


async def test_a_delivery_stands_in_the_hour_in_which_it_was_created(hooks: Hooks, database: Database) -> None:
    await hooks.endpoint()
    await hooks.publish()
    (delivery,) = await hooks.log()
    (store_id,) = ids_of(hooks.store)
    created = delivery.create_time.ToDatetime(now().tzinfo)
    hours = await database.read(deliveries.count_deliveries, store_id, "", created + timedelta(hours=3))
    assert [each.by_state for each in hours] == [{}] * 20 + [{"pending": 1}] + [{}] * 3
    later = await database.read(deliveries.count_deliveries, store_id, "", created + timedelta(hours=24))
    assert not any(each.by_state for each in later)


async def test_a_busy_hour_is_not_counted_to_its_end(
    hooks: Hooks, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hooks.endpoint()
    await hooks.publish(*(hooks.event() for _ in range(5)))
    monkeypatch.setattr(log_queries, "COUNTED", 3)
    (delivery, *_) = await hooks.log()
    moment = delivery.create_time.ToDatetime(now().tzinfo)
    hours = await database.read(deliveries.count_deliveries, ids_of(hooks.store)[0], "", moment)
    assert (hours[-1].by_state, hours[-1].is_truncated) == ({"pending": 3}, True)


async def test_nobody_counts_what_is_not_theirs(system: System, hooks: Hooks) -> None:
    other = await Hooks.of_new_store(system)
    foreign = await other.endpoint()
    await other.publish()
    assert _sums(await _count(hooks)) == (0, 0, 0, 0)
    await refused(_count(hooks, endpoint=foreign.name), Code.INVALID_ARGUMENT, says="must be of stores/")
    moved = foreign.name.replace(other.store, hooks.store)
    assert _sums(await _count(hooks, endpoint=moved)) == (0, 0, 0, 0)
    _, reader = await system.new_key(hooks.store, ["catalog.read"])
    request = webhooks_pb2.CountDeliveriesRequest(parent=hooks.store)
    await refused(reader.webhooks.CountDeliveries(request), Code.PERMISSION_DENIED)


async def _count(hooks: Hooks, **filters: str) -> list[webhooks_pb2.DeliveryCount]:
    request = webhooks_pb2.CountDeliveriesRequest(parent=hooks.store, **filters)
    return list((await hooks.stub.CountDeliveries(request)).hours)


def _sums(hours: list[webhooks_pb2.DeliveryCount]) -> tuple[int, int, int, int]:
    return (
        sum(each.succeeded_count for each in hours),
        sum(each.dead_count for each in hours),
        sum(each.pending_count for each in hours),
        sum(each.unsent_count for each in hours),
    )


def _end(hour: webhooks_pb2.DeliveryCount) -> datetime:
    return hour.start_time.ToDatetime() + timedelta(hours=1)
