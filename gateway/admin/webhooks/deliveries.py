"""The log: deliveries by whatever is known of them, and one with all that happened to it."""

import asyncio

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.webhooks.v1 import webhooks_pb2
from starlette.responses import Response

from gateway.admin.forms import problems_of
from gateway.admin.visit import Visit
from gateway.admin.webhooks import json_view, verification
from gateway.admin.webhooks.family import endpoints_of, event_types, family, for_field, show
from gateway.admin.webhooks.log_query import PERIODS, STATES, LogQuery

Delivery = webhooks_pb2.Delivery


@family.get("/deliveries", needs="WebhooksService.ListDeliveries")
async def list_deliveries(visit: Visit) -> Response:
    """The log, newest first."""
    if visit.query("period") in PERIODS:
        # A moment that moves on would be another question on each page.
        since = Timestamp()
        since.FromDatetime(visit.now - PERIODS[visit.query("period")][0])
        return visit.go(visit.again(period=None, page=None, until=None, since=for_field(since)))
    query = LogQuery.of(visit)
    endpoints, types, found = await asyncio.gather(
        endpoints_of(visit), event_types(visit), visit.services.webhooks.ListDeliveries(query.request(visit))
    )
    return show(
        visit,
        "deliveries.html",
        query=query,
        states=STATES,
        periods=PERIODS,
        endpoints=endpoints,
        types=types,
        chips=query.chips(endpoints),
        deliveries=found.deliveries,
        next_token=found.next_page_token,
        is_live=not visit.query("page") and visit.query("live") != "off",
    )


@family.get("/deliveries/{id}", needs="WebhooksService.GetDelivery")
async def show_delivery(visit: Visit) -> Response:
    """One delivery: every attempt, what was sent, what came back, and how its receiver can check it."""
    request = webhooks_pb2.GetDeliveryRequest(name=visit.name("deliveries"))
    found, endpoints = await asyncio.gather(visit.services.webhooks.GetDelivery(request), endpoints_of(visit))
    delivery = found.delivery
    signed = [dict(each.request_headers) for each in delivery.attempts if each.request_headers]
    snippets = verification.snippets(visit.request.path_params["id"], signed[-1] if signed else {}, delivery.body)
    return show(
        visit,
        "delivery.html",
        delivery=delivery,
        endpoint=endpoints.get(delivery.endpoint),
        body=json_view.view(delivery.body),
        view=json_view.view,
        snippets=snippets,
        placeholder=verification.PLACEHOLDER,
        since=for_field(delivery.create_time),
    )


@family.post("/deliveries/{id}/retry", needs="WebhooksService.RetryDelivery")
async def retry(visit: Visit) -> Response:
    """Tries it again now."""
    request = webhooks_pb2.RetryDeliveryRequest(name=visit.name("deliveries"))
    page = visit.at("webhooks", "deliveries", visit.request.path_params["id"])
    try:
        await visit.services.webhooks.RetryDelivery(request)
    except grpc.aio.AioRpcError as error:
        return visit.go(page, problems_of(error).general, "warning")
    return visit.go(page, "It is tried again now.")
