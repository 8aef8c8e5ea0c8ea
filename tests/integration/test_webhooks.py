"""From a change in the catalogue to a partner's verified webhook, across three services and the worker."""

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.catalog.v1 import catalog_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from services.common.access import service_identity
from services.common.ids import new_id
from services.webhooks import signing
from services.webhooks.endpoints import MAX_ENDPOINTS
from services.webhooks.models import handle
from services.webhooks.worker.__main__ import working
from services.webhooks.worker.loop import Worker
from tests.partner import Partner
from tests.system import Client, System, error_info

Code = grpc.StatusCode
Product = catalog_pb2.Product
WAIT_S = 40.0


@pytest.fixture
def worker(system: System) -> Iterator[Worker]:
    with working(system.settings.webhooks) as running:
        yield running


async def test_a_new_price_reaches_the_partner_signed(system: System, partner: Partner, worker: Worker) -> None:
    store = await system.new_store()
    secret = (await _endpoint(system.operator, store, partner.url, event_types=["product.updated"])).secret
    made = await _create(system.operator, store, Product(display_name="Shea", price=_money("45.00")))
    await _set_price(system.operator, made.name, "48.00")
    headers, event, body = await _next(partner)
    if event["type"] == "product.created":  # still on its way when the endpoint was made
        headers, event, body = await _next(partner)
    assert event["type"] == "product.updated"
    assert event["storeId"] == store.removeprefix("stores/")
    assert event["sequence"] == 2
    assert event["data"]["productId"] == made.name.split("/")[-1]
    assert event["data"]["before"]["price"]["amount"] == "45.00"
    assert event["data"]["after"]["price"]["amount"] == "48.00"
    assert headers["webhook-id"] == event["id"]
    signing.verify(headers, body, secret, now=int(headers["webhook-timestamp"]))


async def test_events_speak_of_what_integrations_see(system: System, partner: Partner, worker: Worker) -> None:
    store = await system.new_store()
    await _endpoint(system.operator, store, partner.url)
    made = await _create(system.operator, store, Product(display_name="Kente", status=Product.STATUS_DRAFT))
    for change, mask in (
        (Product(name=made.name, sort_order=1), "sort_order"),  # nobody sees it: no event
        (Product(name=made.name, status=Product.STATUS_PUBLISHED), "status"),
        (Product(name=made.name, sort_order=1), "sort_order"),  # no change: no event
        (Product(name=made.name, sort_order=2), "sort_order"),
        (Product(name=made.name, website_visible=False), "website_visible"),
        (Product(name=made.name, website_visible=True), "website_visible"),
    ):
        request = catalog_pb2.UpdateProductRequest(product=change, update_mask=FieldMask(paths=[mask]))
        await system.operator.catalog.UpdateProduct(request)
    await system.operator.catalog.DeleteProduct(catalog_pb2.DeleteProductRequest(name=made.name))
    events = sorted([(await _next(partner))[1] for _ in range(5)], key=lambda event: event["sequence"])
    assert [event["type"].removeprefix("product.") for event in events] == [
        "created",
        "updated",
        "deleted",
        "created",
        "deleted",
    ]
    assert [event["data"]["before"] is None for event in events] == [True, False, False, True, False]
    assert [event["data"]["after"] is None for event in events] == [False, False, True, False, True]
    # Everything has been relayed once an event of a later change has come.
    await _create(system.operator, store, Product(display_name="Barrier"))
    await _next(partner)
    assert len((await _list(system.operator, store)).deliveries) == 6


async def test_the_log_shows_the_attempt_and_the_body_that_was_sent(
    system: System, partner: Partner, worker: Worker
) -> None:
    store = await system.new_store()
    endpoint = (await _endpoint(system.operator, store, partner.url)).webhook_endpoint
    await _create(system.operator, store, Product(display_name="Shea"))
    _, event, body = await _next(partner)
    delivery = await _finished(system.operator, store)
    assert delivery.state == webhooks_pb2.Delivery.STATE_SUCCEEDED
    assert (delivery.endpoint, delivery.event_type) == (endpoint.name, event["type"])
    assert delivery.event == f"{store}/events/{event['id']}"
    request = webhooks_pb2.GetDeliveryRequest(name=delivery.name)
    shown = (await system.operator.webhooks.GetDelivery(request)).delivery
    assert shown.body.encode() == body
    assert [(each.number, each.status_code, each.error) for each in shown.attempts] == [(1, 204, "")]


async def test_a_failure_is_tried_again_under_the_same_id(system: System, partner: Partner, worker: Worker) -> None:
    store = await system.new_store()
    await _endpoint(system.operator, store, partner.url)
    partner.answers[:] = [500]
    await _create(system.operator, store, Product(display_name="Shea"))
    _, first, first_body = await _next(partner)
    pending = await _tried(system.operator, store)
    assert pending.state == webhooks_pb2.Delivery.STATE_PENDING
    assert pending.last_status_code == 500
    wait = pending.next_attempt_time.ToSeconds() - pending.create_time.ToSeconds()
    assert 3 <= wait <= 8, "about 5 s by the schedule"
    _make_due(pending.name)
    worker.wake()
    _, second, second_body = await _next(partner)
    assert (second["id"], second_body) == (first["id"], first_body)
    delivery = await _finished(system.operator, store)
    assert (delivery.state, delivery.attempt_count) == (webhooks_pb2.Delivery.STATE_SUCCEEDED, 2)


async def test_an_endpoint_that_is_gone_is_not_called_again(system: System, partner: Partner, worker: Worker) -> None:
    store = await system.new_store()
    endpoint = (await _endpoint(system.operator, store, partner.url)).webhook_endpoint
    partner.answers[:] = [410]
    await _create(system.operator, store, Product(display_name="Shea"))
    await _next(partner)
    delivery = await _finished(system.operator, store)
    assert delivery.state == webhooks_pb2.Delivery.STATE_DEAD
    request = webhooks_pb2.GetWebhookEndpointRequest(name=endpoint.name)
    shown = (await system.operator.webhooks.GetWebhookEndpoint(request)).webhook_endpoint
    assert shown.state == webhooks_pb2.WebhookEndpoint.STATE_DISABLED
    assert "410" in shown.state_reason


async def test_what_is_due_to_a_deleted_endpoint_is_not_sent(system: System, partner: Partner) -> None:
    store = await system.new_store()
    endpoint = (await _endpoint(system.operator, store, partner.url)).webhook_endpoint
    await _create(system.operator, store, Product(display_name="Shea"))
    await _logged(system.operator, store)
    request = webhooks_pb2.DeleteWebhookEndpointRequest(name=endpoint.name)
    await system.operator.webhooks.DeleteWebhookEndpoint(request)
    delivery = await _finished(system.operator, store)
    assert delivery.state == webhooks_pb2.Delivery.STATE_CANCELLED
    await _endpoint(system.operator, store, partner.url)
    await _create(system.operator, store, Product(display_name="Barrier"))
    with working(system.settings.webhooks):
        _, event, _ = await _next(partner)
    assert event["data"]["after"]["displayName"] == "Barrier", "the first one never comes"
    assert partner.received.empty()


async def test_an_endpoint_gets_the_types_it_asked_for(system: System, partner: Partner, worker: Worker) -> None:
    store = await system.new_store()
    await _endpoint(system.operator, store, partner.url, event_types=["product.deleted"])
    made = await _create(system.operator, store, Product(display_name="Shea"))
    await system.operator.catalog.DeleteProduct(catalog_pb2.DeleteProductRequest(name=made.name))
    _, event, _ = await _next(partner)
    assert event["type"] == "product.deleted"
    assert len((await _list(system.operator, store)).deliveries) == 1


async def test_a_store_has_so_many_endpoints_and_no_more(system: System) -> None:
    store = await system.new_store()
    for _ in range(MAX_ENDPOINTS):
        await _endpoint(system.operator, store, "http://127.0.0.1:9/never")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _endpoint(system.operator, store, "http://127.0.0.1:9/never")
    assert refused.value.code() == Code.FAILED_PRECONDITION
    assert error_info(refused.value).reason == "TOO_MANY_ENDPOINTS"


async def test_deliveries_to_another_stores_endpoint_cannot_be_asked_for(system: System, partner: Partner) -> None:
    mine, theirs = await system.new_store(), await system.new_store()
    made = (await _endpoint(system.operator, theirs, partner.url)).webhook_endpoint
    request = webhooks_pb2.ListDeliveriesRequest(parent=mine, endpoint=made.name)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await system.operator.webhooks.ListDeliveries(request)
    assert refused.value.code() == Code.INVALID_ARGUMENT


async def test_an_event_that_is_published_twice_is_delivered_once(system: System) -> None:
    store = await system.new_store()
    await _endpoint(system.operator, store, "http://127.0.0.1:9/never")
    event = _event(store)
    catalog = system.as_(service_identity.token_for("catalog", system.settings.keys.service_secret.get_secret_value()))
    first = await catalog.webhooks.PublishEvents(webhooks_pb2.PublishEventsRequest(events=[event]))
    second = await catalog.webhooks.PublishEvents(webhooks_pb2.PublishEventsRequest(events=[event]))
    assert (first.accepted_count, first.delivery_count) == (1, 1)
    assert (second.accepted_count, second.delivery_count) == (0, 0)


async def test_only_services_publish(system: System) -> None:
    store = await system.new_store()
    request = webhooks_pb2.PublishEventsRequest(events=[_event(store)])
    for client in (system.operator, (await system.new_key(store))[1]):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.webhooks.PublishEvents(request)
        assert refused.value.code() == Code.PERMISSION_DENIED


@pytest.mark.parametrize(
    "url",
    ["ftp://partner.example/x", "http://10.0.0.8/x", "http://user:pw@partner.example/", "not a url", "http://[::1]/"],
)
async def test_a_url_that_may_not_be_called_is_refused_with_why(system: System, url: str) -> None:
    store = await system.new_store()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _endpoint(system.operator, store, url)
    assert refused.value.code() == Code.INVALID_ARGUMENT
    assert error_info(refused.value).reason == "URL_NOT_ALLOWED"


async def test_the_secret_of_an_endpoint_is_neither_shown_again_nor_kept_in_clear(
    system: System, partner: Partner
) -> None:
    store = await system.new_store()
    made = await _endpoint(system.operator, store, partner.url)
    listed = await system.operator.webhooks.ListWebhookEndpoints(webhooks_pb2.ListWebhookEndpointsRequest(parent=store))
    assert made.secret not in str(listed)
    with handle.connection_context():
        rows = handle.execute_sql("SELECT sealed FROM endpoint_secret").fetchall()
    assert all(made.secret.encode() not in bytes(row[0]) for row in rows)


async def test_another_stores_endpoints_and_deliveries_are_not_found(system: System, partner: Partner) -> None:
    mine, theirs = await system.new_store(), await system.new_store()
    _, client = await system.new_key(mine)
    made = (await _endpoint(system.operator, theirs, partner.url)).webhook_endpoint
    moved = made.name.replace(theirs, mine)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.webhooks.GetWebhookEndpoint(webhooks_pb2.GetWebhookEndpointRequest(name=moved))
    assert refused.value.code() == Code.NOT_FOUND


def _money(amount: str) -> catalog_pb2.Money:
    return catalog_pb2.Money(amount=amount)


def _event(store: str) -> webhooks_pb2.Event:
    now = Timestamp()
    now.GetCurrentTime()
    return webhooks_pb2.Event(
        id=new_id("evt"), store=store, type="product.created", occur_time=now, sequence=1, data='{"productId":"p"}'
    )


def _make_due(delivery: str) -> None:
    with handle.connection_context():
        handle.execute_sql("UPDATE due SET due_time = now() WHERE delivery_id = %s", (delivery.rpartition("/")[2],))


async def _next(partner: Partner) -> tuple[dict[str, str], dict[str, Any], bytes]:
    delivered = await asyncio.to_thread(partner.next)
    return delivered.headers, delivered.event, delivered.body


async def _create(client: Client, store: str, product: catalog_pb2.Product) -> catalog_pb2.Product:
    request = catalog_pb2.CreateProductRequest(parent=store, product=product)
    made: catalog_pb2.Product = (await client.catalog.CreateProduct(request)).product
    return made


async def _set_price(client: Client, name: str, amount: str) -> None:
    product = Product(name=name, price=_money(amount))
    mask = FieldMask(paths=["price"])
    await client.catalog.UpdateProduct(catalog_pb2.UpdateProductRequest(product=product, update_mask=mask))


async def _endpoint(client: Client, store: str, url: str, **values: Any) -> Any:
    request = webhooks_pb2.CreateWebhookEndpointRequest(parent=store, url=url, **values)
    return await client.webhooks.CreateWebhookEndpoint(request)


async def _list(client: Client, store: str) -> Any:
    return await client.webhooks.ListDeliveries(webhooks_pb2.ListDeliveriesRequest(parent=store))


async def _until(client: Client, store: str, enough: Any) -> webhooks_pb2.Delivery:
    """The store's one delivery, once it is `enough`; the log has no event to wait for."""
    async with asyncio.timeout(WAIT_S):
        while True:
            for delivery in (await _list(client, store)).deliveries:
                if enough(delivery):
                    found: webhooks_pb2.Delivery = delivery
                    return found
            await asyncio.sleep(0.02)


async def _logged(client: Client, store: str) -> webhooks_pb2.Delivery:
    return await _until(client, store, lambda delivery: True)


async def _tried(client: Client, store: str) -> webhooks_pb2.Delivery:
    return await _until(client, store, lambda delivery: delivery.attempt_count > 0)


async def _finished(client: Client, store: str) -> webhooks_pb2.Delivery:
    return await _until(client, store, lambda delivery: delivery.HasField("finish_time"))
