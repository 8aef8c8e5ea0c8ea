"""The life of an endpoint: changed, disabled, enabled, its secret rotated, tried out."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from sedifex.webhooks.v1 import webhooks_pb2

from services.webhooks import signing
from services.webhooks.models import handle
from services.webhooks.worker.__main__ import working
from services.webhooks.worker.loop import Worker
from tests.hooks import Delivery, Endpoint, Hooks, delivered, until
from tests.partner import Partner
from tests.system import System, error_info

Code = grpc.StatusCode


@pytest.fixture
async def hooks(system: System) -> Hooks:
    return await Hooks.of_new_store(system)


@pytest.fixture
def worker(system: System) -> Iterator[Worker]:
    with working(system.settings.webhooks) as running:
        yield running


async def test_limits_and_the_window_are_kept_and_shown(hooks: Hooks) -> None:
    made = await hooks.endpoint(rate_limit_per_second=50, max_concurrency=5, coalesce_window=Duration(seconds=30))
    assert (made.rate_limit_per_second, made.max_concurrency, made.coalesce_window.seconds) == (50, 5, 30)
    changed = await _update(hooks, Endpoint(name=made.name, max_concurrency=9), "max_concurrency", "coalesce_window")
    assert (changed.rate_limit_per_second, changed.max_concurrency) == (50, 9)
    assert not changed.HasField("coalesce_window")
    assert await hooks.get(made.name) == changed


async def test_only_the_named_fields_change_and_the_etag_with_them(hooks: Hooks) -> None:
    made = await hooks.endpoint(display_name="Shop", event_types=["product.deleted"])
    changed = await _update(hooks, Endpoint(name=made.name, display_name="Till", url="http://127.0.0.1:9/x"), "url")
    assert (changed.url, changed.display_name) == ("http://127.0.0.1:9/x", "Shop")
    assert list(changed.event_types) == ["product.deleted"]
    assert changed.etag != made.etag
    assert changed.update_time.ToNanoseconds() > made.update_time.ToNanoseconds()
    same = await _update(hooks, Endpoint(name=made.name, display_name="Shop"), "display_name")
    assert same == changed, "what changes nothing leaves it as it is"


async def test_a_change_on_an_old_etag_is_aborted(hooks: Hooks) -> None:
    made = await hooks.endpoint()
    await _update(hooks, Endpoint(name=made.name, display_name="First", etag=made.etag), "display_name")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _update(hooks, Endpoint(name=made.name, display_name="Second", etag=made.etag), "display_name")
    assert refused.value.code() == Code.ABORTED
    assert error_info(refused.value).reason == "ETAG_MISMATCH"


@pytest.mark.parametrize("url", ["http://10.0.0.8/x", ""])
async def test_a_url_that_may_not_be_called_is_refused_also_as_a_change(hooks: Hooks, url: str) -> None:
    made = await hooks.endpoint()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _update(hooks, Endpoint(name=made.name, url=url), "url")
    assert refused.value.code() == Code.INVALID_ARGUMENT
    assert error_info(refused.value).reason == "URL_NOT_ALLOWED"


async def test_who_may_not_read_keys_cannot_turn_their_events_to_himself(hooks: Hooks) -> None:
    about_keys = await hooks.endpoint(event_types=["key.revoked"])
    about_products = await hooks.endpoint()
    _, client = await hooks.system.new_key(hooks.store, ["webhooks.write"])
    for change, field in (
        (Endpoint(name=about_keys.name, url="http://127.0.0.1:9/mine"), "url"),
        (Endpoint(name=about_products.name, event_types=["key.created"]), "event_types"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.webhooks.UpdateWebhookEndpoint(_update_request(change, field))
        assert refused.value.code() == Code.PERMISSION_DENIED


async def test_what_is_due_waits_while_disabled_and_goes_on_when_enabled(
    hooks: Hooks, partner: Partner, worker: Worker
) -> None:
    made = await hooks.endpoint(partner.url)
    partner.may_answer.clear()
    partner.answers[:] = [500]
    await hooks.publish()
    await delivered(partner)
    assert (await hooks.disable(made.name)).state == Endpoint.STATE_DISABLED
    partner.may_answer.set()
    (waiting,) = await until(hooks.log, lambda log: log[0].attempt_count)
    assert waiting.state == Delivery.STATE_PENDING
    _make_overdue(waiting)
    missed = await hooks.publish()
    assert missed.delivery_count == 0, "events of this time make no deliveries"
    enabled = await hooks.enable(made.name)
    assert enabled.webhook_endpoint.state == Endpoint.STATE_ENABLED
    assert enabled.webhook_endpoint.state_reason == ""
    assert enabled.missed_count == 1
    assert (await delivered(partner)).headers["webhook-id"] == waiting.event.rpartition("/")[2]
    assert (await hooks.ended(waiting.name)).state == Delivery.STATE_SUCCEEDED


async def test_disabling_and_enabling_twice_changes_nothing_more(hooks: Hooks) -> None:
    made = await hooks.endpoint()
    first, second = await hooks.disable(made.name), await hooks.disable(made.name)
    assert first == second
    assert first.state_reason
    assert first.HasField("disable_time")
    assert (await hooks.enable(made.name)).HasField("missed_since_time")
    again = await hooks.enable(made.name)
    assert not again.webhook_endpoint.HasField("disable_time")
    assert not again.HasField("missed_since_time")
    assert again.missed_count == 0


async def test_only_what_it_wants_and_did_not_get_counts_as_missed(hooks: Hooks) -> None:
    made = await hooks.endpoint(event_types=["product.created"])
    await hooks.publish(hooks.event("product.created"))
    await hooks.disable(made.name)
    await hooks.publish(*(hooks.event(each) for each in ("product.created", "product.updated", "key.created")))
    assert (await hooks.enable(made.name)).missed_count == 1


async def test_during_a_rotation_both_secrets_sign_and_then_the_new_one_alone(
    hooks: Hooks, partner: Partner, worker: Worker
) -> None:
    made = await hooks.create(partner.url)
    name, old = made.webhook_endpoint.name, made.secret
    rotated = await _rotate(hooks, name)
    assert [each.hint for each in rotated.webhook_endpoint.secrets] == [_hint(rotated.secret), _hint(old)]
    assert rotated.webhook_endpoint.secret_hint == _hint(rotated.secret)
    await hooks.publish()
    both = await delivered(partner)
    for secret in (rotated.secret, old):
        signing.verify(both.headers, both.body, secret, now=int(both.headers["webhook-timestamp"]))
    last = await _rotate(hooks, name, overlap=Duration(seconds=0))
    assert [each.hint for each in last.webhook_endpoint.secrets] == [_hint(last.secret)]
    await hooks.publish()
    alone = await delivered(partner)
    signing.verify(alone.headers, alone.body, last.secret, now=int(alone.headers["webhook-timestamp"]))
    for secret in (rotated.secret, old):
        with pytest.raises(signing.SignatureError):
            signing.verify(alone.headers, alone.body, secret, now=int(alone.headers["webhook-timestamp"]))


async def test_a_second_rotation_waits_for_the_first(hooks: Hooks) -> None:
    made = await hooks.endpoint()
    await _rotate(hooks, made.name, overlap=Duration(seconds=3600))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _rotate(hooks, made.name, overlap=Duration(seconds=60))
    assert refused.value.code() == Code.FAILED_PRECONDITION
    assert error_info(refused.value).reason == "ROTATION_UNDER_WAY"


async def test_a_rotation_that_is_repeated_happens_once(hooks: Hooks) -> None:
    made = await hooks.endpoint()
    rotated = await _rotate(hooks, made.name, request_id="rotate-0001")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _rotate(hooks, made.name, request_id="rotate-0001")
    assert refused.value.code() == Code.ALREADY_EXISTS
    assert (await hooks.get(made.name)).secret_hint == _hint(rotated.secret)


async def test_a_test_event_reaches_a_disabled_endpoint_and_is_tried_once(
    hooks: Hooks, partner: Partner, worker: Worker
) -> None:
    made = await hooks.create(partner.url, event_types=["product.deleted"])
    await hooks.disable(made.webhook_endpoint.name)
    partner.answers[:] = [204, 500]
    good = await _send_test(hooks, made.webhook_endpoint.name)
    came = await delivered(partner)
    signing.verify(came.headers, came.body, made.secret, now=int(came.headers["webhook-timestamp"]))
    assert came.event["type"] == "test.ping"
    assert (await hooks.ended(good.name)).state == Delivery.STATE_SUCCEEDED
    bad = await _send_test(hooks, made.webhook_endpoint.name)
    await delivered(partner)
    ended = await hooks.ended(bad.name)
    assert (ended.state, ended.attempt_count, ended.last_status_code) == (Delivery.STATE_DEAD, 1, 500)


async def test_test_events_do_not_pile_up(hooks: Hooks) -> None:
    made = await hooks.endpoint()
    for _ in range(20):
        await _send_test(hooks, made.name)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _send_test(hooks, made.name)
    assert refused.value.code() == Code.RESOURCE_EXHAUSTED


async def test_health_tells_what_is_wrong_and_that_it_is_well_again(
    hooks: Hooks, partner: Partner, worker: Worker
) -> None:
    made = await hooks.endpoint(partner.url)
    assert made.health.level == Endpoint.Health.LEVEL_ACTIVE
    partner.answers[:] = [503]
    await hooks.publish()
    await delivered(partner)
    failed = await until(lambda: hooks.get(made.name), lambda found: found.health.HasField("last_failure_time"))
    assert failed.health.level == Endpoint.Health.LEVEL_DEGRADED
    assert "503" in failed.health.reason
    assert failed.health.disable_time.ToDatetime() > failed.health.since_time.ToDatetime()
    await hooks.publish(hooks.event(product_id="prod_2"))
    await delivered(partner)
    healed = await until(lambda: hooks.get(made.name), lambda found: found.health.HasField("last_success_time"))
    assert not healed.health.HasField("disable_time")


def _update_request(endpoint: Endpoint, *paths: str) -> webhooks_pb2.UpdateWebhookEndpointRequest:
    return webhooks_pb2.UpdateWebhookEndpointRequest(webhook_endpoint=endpoint, update_mask=FieldMask(paths=paths))


async def _update(hooks: Hooks, endpoint: Endpoint, *paths: str) -> Endpoint:
    answer: webhooks_pb2.UpdateWebhookEndpointResponse = await hooks.stub.UpdateWebhookEndpoint(
        _update_request(endpoint, *paths)
    )
    return answer.webhook_endpoint


async def _rotate(hooks: Hooks, name: str, **values: Any) -> webhooks_pb2.RotateWebhookEndpointSecretResponse:
    request = webhooks_pb2.RotateWebhookEndpointSecretRequest(name=name, **values)
    answer: webhooks_pb2.RotateWebhookEndpointSecretResponse = await hooks.stub.RotateWebhookEndpointSecret(request)
    return answer


async def _send_test(hooks: Hooks, name: str) -> Delivery:
    answer: webhooks_pb2.SendTestEventResponse = await hooks.stub.SendTestEvent(
        webhooks_pb2.SendTestEventRequest(name=name)
    )
    return answer.delivery


def _hint(secret: str) -> str:
    return f"whsec_…{secret[-4:]}"


def _make_overdue(delivery: Delivery) -> None:
    with handle.connection_context():
        handle.execute_sql("UPDATE due SET due_time = now() WHERE delivery_id = %s", (delivery.name.split("/")[-1],))
