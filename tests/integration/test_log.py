"""The log of deliveries: found by whatever is known of them, page by page; and another try at one."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.webhooks.v1 import webhooks_pb2

from services.webhooks import log_queries, signing
from services.webhooks.models import handle
from services.webhooks.worker.__main__ import working
from services.webhooks.worker.loop import Worker
from tests.hooks import Delivery, Endpoint, Hooks, delivered, until
from tests.partner import Partner, listening
from tests.system import System, error_info

Code = grpc.StatusCode


@pytest.fixture
async def hooks(system: System) -> Hooks:
    return await Hooks.of_new_store(system)


@pytest.fixture
def worker(system: System) -> Iterator[Worker]:
    with working(system.settings.webhooks) as running:
        yield running


@pytest.fixture
def other() -> Iterator[Partner]:
    """Another partner's endpoint."""
    with listening() as made:
        yield made


async def test_every_filter_finds_what_it_names_and_nothing_else(
    hooks: Hooks, partner: Partner, other: Partner, worker: Worker, unused_tcp_port: int
) -> None:
    good = await hooks.endpoint(partner.url)
    gone = await hooks.endpoint(other.url, event_types=["product.created"])
    nobody = await hooks.endpoint(f"http://127.0.0.1:{unused_tcp_port}/", event_types=["product.created"])
    other.answers[:] = [410]
    created = hooks.event("product.created", "prod_a")
    began = _now()
    await hooks.publish(created)
    await until(hooks.log, lambda log: all(each.attempt_count for each in log))
    middle = _now()
    await hooks.publish(hooks.event("product.updated", "prod_b"), hooks.event("product.deleted", "prod_b"))
    whole = await until(hooks.log, lambda log: len(log) == 5 and all(each.attempt_count for each in log))
    state, event = Delivery.State, f"{hooks.store}/events/{created.id}"
    for filters, expected in (
        ({}, lambda each: True),
        ({"endpoint": gone.name}, lambda each: each.endpoint == gone.name),
        ({"event": event}, lambda each: each.event == event),
        ({"event_type": "product.deleted"}, lambda each: each.event_type == "product.deleted"),
        ({"product_id": "prod_b"}, lambda each: each.product_id == "prod_b"),
        ({"product_id": "prod_none"}, lambda each: False),
        ({"state": state.Value("STATE_SUCCEEDED")}, lambda each: each.endpoint == good.name),
        ({"state": state.Value("STATE_PENDING")}, lambda each: each.endpoint == nobody.name),
        ({"state": state.Value("STATE_DEAD")}, lambda each: each.endpoint == gone.name),
        ({"state": state.Value("STATE_CANCELLED")}, lambda each: False),
        ({"status_code": 204}, lambda each: each.endpoint == good.name),
        ({"status_code": 410}, lambda each: each.endpoint == gone.name),
        ({"status_code": -1}, lambda each: each.endpoint == nobody.name),
        ({"status_code": 410, "endpoint": good.name}, lambda each: False),
        ({"status_code": 410, "endpoint": gone.name}, lambda each: each.endpoint == gone.name),
        ({"state": state.Value("STATE_DEAD"), "endpoint": gone.name}, lambda each: each.endpoint == gone.name),
        ({"state": state.Value("STATE_DEAD"), "endpoint": nobody.name}, lambda each: False),
        ({"state": state.Value("STATE_DEAD"), "product_id": "prod_a"}, lambda each: each.endpoint == gone.name),
        ({"start_time": began, "end_time": middle}, lambda each: each.product_id == "prod_a"),
        ({"start_time": middle}, lambda each: each.product_id == "prod_b"),
        ({"end_time": began}, lambda each: False),
    ):
        found = await hooks.log(**filters)
        assert [each.name for each in found] == [each.name for each in whole if expected(each)], filters


async def test_pages_neither_skip_nor_repeat(hooks: Hooks) -> None:
    await hooks.endpoint()
    await hooks.publish(*(hooks.event(product_id=f"prod_{n % 3}") for n in range(20)))
    whole = [each.name for each in await hooks.log()]
    assert len(whole) == 20
    assert sorted(whole, reverse=True) == whole
    assert [each.name for each in await hooks.log(page_size=3)] == whole
    assert len(await hooks.log(page_size=2, product_id="prod_1")) == 7


async def test_a_search_that_finds_little_goes_on_in_short_pages(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    """No page looks at more than its window, however rare is what is looked for."""
    monkeypatch.setattr(log_queries, "WINDOW", 5)
    await hooks.endpoint()
    rare = hooks.event("product.deleted")
    await hooks.publish(rare, *(hooks.event() for _ in range(18)))
    request = webhooks_pb2.ListDeliveriesRequest(parent=hooks.store, event_type="product.deleted")
    first = await hooks.stub.ListDeliveries(request)
    assert (len(first.deliveries), bool(first.next_page_token)) == (0, True)
    (found,) = await hooks.log(event_type="product.deleted")
    assert found.event.endswith(rare.id)


async def test_a_token_works_with_its_own_filters_only(hooks: Hooks) -> None:
    await hooks.endpoint()
    await hooks.publish(hooks.event(), hooks.event())
    first = await hooks.stub.ListDeliveries(webhooks_pb2.ListDeliveriesRequest(parent=hooks.store, page_size=1))
    other = webhooks_pb2.ListDeliveriesRequest(
        parent=hooks.store, page_size=1, page_token=first.next_page_token, event_type="product.updated"
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await hooks.stub.ListDeliveries(other)
    assert error_info(refused.value).reason == "PAGE_TOKEN_INVALID"


async def test_an_attempt_tells_what_came_back_and_from_where(hooks: Hooks, partner: Partner, worker: Worker) -> None:
    await hooks.endpoint(partner.url)
    partner.answers[:] = [503]
    await hooks.publish()
    (tried,) = await until(hooks.log, lambda log: log and log[0].attempt_count)
    assert "503" in tried.last_error
    (attempt,) = (await hooks.delivery(tried.name)).attempts
    assert (attempt.number, attempt.status_code, attempt.error) == (1, 503, "")
    assert attempt.remote_address == "127.0.0.1"
    assert "server" in attempt.response_headers
    assert tried.next_attempt_time.ToDatetime() > attempt.start_time.ToDatetime()


async def test_an_attempt_keeps_the_headers_that_signed_it(hooks: Hooks, partner: Partner, worker: Worker) -> None:
    made = await hooks.create(partner.url)
    await hooks.publish()
    sent = await delivered(partner)
    (ended,) = await until(hooks.log, lambda log: log and log[0].HasField("finish_time"))
    record = await hooks.delivery(ended.name)
    kept = dict(record.attempts[0].request_headers)
    assert kept.keys() == {"x-sedifex-signature", "webhook-id", "webhook-timestamp", "webhook-signature"}
    assert kept == {name: sent.headers[name] for name in kept}
    signing.verify(kept, record.body.encode(), made.secret, now=int(kept["webhook-timestamp"]))


async def test_an_event_is_shown_as_it_was_published(hooks: Hooks) -> None:
    published = hooks.event("product.created")
    published.occur_time.nanos = 123_000_000
    await hooks.publish(published)
    request = webhooks_pb2.GetEventRequest(name=f"{hooks.store}/events/{published.id}")
    assert (await hooks.stub.GetEvent(request)).event == published


async def test_another_stores_events_are_not_found(hooks: Hooks) -> None:
    published = hooks.event()
    await hooks.publish(published)
    other = await hooks.system.new_store()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await hooks.stub.GetEvent(webhooks_pb2.GetEventRequest(name=f"{other}/events/{published.id}"))
    assert refused.value.code() == Code.NOT_FOUND


async def test_who_may_not_read_keys_does_not_read_of_them_in_the_log(hooks: Hooks) -> None:
    await hooks.endpoint(event_types=["key.created"])
    await hooks.publish(told := hooks.event("key.created"))
    (delivery,) = await hooks.log()
    _, without = await hooks.system.new_key(hooks.store, ["webhooks.read"])
    for call in (
        without.webhooks.GetEvent(webhooks_pb2.GetEventRequest(name=f"{hooks.store}/events/{told.id}")),
        without.webhooks.GetDelivery(webhooks_pb2.GetDeliveryRequest(name=delivery.name)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        assert refused.value.code() == Code.PERMISSION_DENIED
    _, having = await hooks.system.new_key(hooks.store, ["webhooks.read", "keys.read"])
    assert await having.webhooks.GetDelivery(webhooks_pb2.GetDeliveryRequest(name=delivery.name))


async def test_what_has_succeeded_can_be_sent_again_under_the_same_id(
    hooks: Hooks, partner: Partner, worker: Worker
) -> None:
    await hooks.endpoint(partner.url)
    await hooks.publish()
    first = await delivered(partner)
    (done,) = await until(hooks.log, lambda log: log and log[0].HasField("finish_time"))
    again = await hooks.retry(done.name)
    assert again.state == Delivery.STATE_PENDING
    second = await delivered(partner)
    assert (second.headers["webhook-id"], second.body) == (first.headers["webhook-id"], first.body)
    ended = await hooks.ended(done.name)
    assert (ended.state, ended.attempt_count) == (Delivery.STATE_SUCCEEDED, 2)


async def test_what_was_given_up_gets_another_try_also_a_second_time(
    hooks: Hooks, partner: Partner, worker: Worker
) -> None:
    made = await hooks.endpoint(partner.url)
    partner.answers[:] = [410, 410, 204]
    await hooks.publish()
    (dead,) = await until(hooks.log, lambda log: log and log[0].state == Delivery.STATE_DEAD)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await hooks.retry(dead.name)
    assert error_info(refused.value).reason == "ENDPOINT_DISABLED"
    for expected in (Delivery.STATE_DEAD, Delivery.STATE_SUCCEEDED):
        await hooks.enable(made.name)
        await hooks.retry(dead.name)
        assert (await hooks.ended(dead.name)).state == expected
        (found,) = await hooks.log(state=expected)
        assert found.name == dead.name
    assert await hooks.log(state=Delivery.STATE_DEAD) == []


async def test_what_waits_for_its_next_try_is_tried_at_once(hooks: Hooks, partner: Partner, worker: Worker) -> None:
    await hooks.endpoint(partner.url)
    partner.answers[:] = [500]
    await hooks.publish()
    await delivered(partner)
    (waiting,) = await until(hooks.log, lambda log: log[0].attempt_count)
    await hooks.retry(waiting.name)
    await delivered(partner)
    assert (await hooks.ended(waiting.name)).attempt_count == 2


async def test_a_retry_is_refused_while_it_is_being_sent(hooks: Hooks, partner: Partner, worker: Worker) -> None:
    await hooks.endpoint(partner.url)
    partner.may_answer.clear()
    await hooks.publish()
    await delivered(partner)
    (sending,) = await hooks.log()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await hooks.retry(sending.name)
    assert error_info(refused.value).reason == "DELIVERY_UNDER_WAY"
    partner.may_answer.set()


async def test_a_retry_to_a_deleted_endpoint_is_refused(hooks: Hooks) -> None:
    made = await hooks.endpoint()
    await hooks.publish()
    await hooks.stub.DeleteWebhookEndpoint(webhooks_pb2.DeleteWebhookEndpointRequest(name=made.name))
    (cancelled,) = await hooks.log(state=Delivery.STATE_CANCELLED)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await hooks.retry(cancelled.name)
    assert error_info(refused.value).reason == "ENDPOINT_DELETED"


async def test_updates_within_the_window_become_one_delivery(hooks: Hooks, partner: Partner, worker: Worker) -> None:
    await hooks.create(partner.url, coalesce_window={"seconds": 60})
    burst = [hooks.event() for _ in range(5)]
    await hooks.publish(*burst[:3])
    for event in burst[3:]:
        await hooks.publish(event)
    other = hooks.event(product_id="prod_2")
    deleted = hooks.event("product.deleted")
    await hooks.publish(other, deleted)
    came = sorted([(await delivered(partner)).event["sequence"] for _ in range(2)])
    assert came == [burst[-1].sequence, deleted.sequence], "the last one, before what ends it"
    log = {each.event.rpartition("/")[2]: each.state for each in await hooks.log()}
    assert [log[event.id] for event in burst[:4]] == [Delivery.STATE_COALESCED] * 4
    assert log[other.id] == Delivery.STATE_PENDING, "it has a window of its own"


async def test_the_window_is_that_of_the_first_one_however_many_follow(hooks: Hooks) -> None:
    await hooks.create(coalesce_window={"seconds": 60})
    await hooks.publish()
    (first,) = await hooks.log()
    assert 55 < first.next_attempt_time.ToSeconds() - first.create_time.ToSeconds() <= 60
    await hooks.publish()
    (second,) = await hooks.log(state=Delivery.STATE_PENDING)
    assert second.next_attempt_time == first.next_attempt_time


async def test_what_has_been_begun_is_not_left_out(hooks: Hooks, partner: Partner, worker: Worker) -> None:
    await hooks.create(partner.url, coalesce_window={"nanos": 1_000_000})
    partner.answers[:] = [500]
    await hooks.publish()
    await delivered(partner)
    (tried,) = await until(hooks.log, lambda log: log[0].attempt_count)
    await hooks.publish()
    await delivered(partner)
    assert (await hooks.delivery(tried.name)).state == Delivery.STATE_PENDING


async def test_a_window_that_is_closed_lets_what_waits_go(hooks: Hooks, partner: Partner, worker: Worker) -> None:
    made = await hooks.create(partner.url, coalesce_window={"seconds": 60})
    waits = hooks.event()
    await hooks.publish(waits)
    request = webhooks_pb2.UpdateWebhookEndpointRequest(
        webhook_endpoint=Endpoint(name=made.webhook_endpoint.name), update_mask=FieldMask(paths=["coalesce_window"])
    )
    await hooks.stub.UpdateWebhookEndpoint(request)
    assert (await delivered(partner)).event["id"] == waits.id


async def test_the_marks_of_what_went_wrong_are_what_the_deliveries_say(system: System) -> None:
    """Whatever the other tests have left behind: the side table agrees with the log."""
    statement = """
        SELECT id, endpoint_id, state FROM delivery WHERE state IN ('dead', 'cancelled', 'coalesced')
        UNION ALL SELECT id, endpoint_id, last_status_code::text FROM delivery
        WHERE attempt_count > 0 AND last_status_code NOT BETWEEN 200 AND 299
        EXCEPT ALL SELECT delivery_id, endpoint_id, mark FROM delivery_mark
    """
    with handle.connection_context():
        assert handle.execute_sql(statement).fetchall() == []
        assert handle.execute_sql("SELECT count(*) FROM delivery_mark").fetchone()[0] >= _marked()


def _marked() -> int:
    row: Any = handle.execute_sql("SELECT count(*) FROM delivery WHERE state = 'dead'").fetchone()
    return int(row[0])


def _now() -> Timestamp:
    moment = Timestamp()
    moment.GetCurrentTime()
    return moment
