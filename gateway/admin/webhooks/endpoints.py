"""Endpoints: the list, one of them, a new one, and its settings."""

import asyncio
from collections.abc import Mapping

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from sedifex.webhooks.v1 import webhooks_pb2
from starlette.responses import Response

from gateway.admin.forms import NO_PROBLEMS, Problems, problems_of
from gateway.admin.visit import Visit
from gateway.admin.webhooks import words
from gateway.admin.webhooks.chart import DeliveryChart
from gateway.admin.webhooks.endpoint_forms import CHANGEABLE, EndpointForm
from gateway.admin.webhooks.family import (
    Endpoint,
    endpoint_of,
    endpoints_of,
    event_types,
    family,
    new_request_id,
    show,
)
from gateway.admin.webhooks.secrets import made_before, reveal

RECENT = 8
"""Deliveries that an endpoint's page shows."""


@family.get(needs="WebhooksService.ListWebhookEndpoints")
async def list_endpoints(visit: Visit) -> Response:
    """All endpoints: those that need somebody first."""
    endpoints = list((await endpoints_of(visit)).values())
    order = ("failing", "disabled", "degraded")
    endpoints.sort(key=lambda each: order.index(level) if (level := words.standing(each).level) in order else 9)
    return show(visit, "endpoints.html", endpoints=endpoints)


@family.get("/new", needs="WebhooksService.CreateWebhookEndpoint")
async def new_endpoint(visit: Visit) -> Response:
    """The form for a new one."""
    return await _new(visit, EndpointForm(), new_request_id(), NO_PROBLEMS)


@family.post("/new", needs="WebhooksService.CreateWebhookEndpoint", fresh=True)
async def create_endpoint(visit: Visit) -> Response:
    """Makes it, and shows its secret once."""
    wanted, request_id = EndpointForm.read(visit.form), visit.form["request_id"]
    if problems := wanted.problems():
        return await _new(visit, wanted, request_id, problems)
    endpoint = wanted.endpoint()
    request = webhooks_pb2.CreateWebhookEndpointRequest(
        parent=visit.store.name, request_id=request_id, **{name: getattr(endpoint, name) for name in CHANGEABLE}
    )
    try:
        made = await visit.services.webhooks.CreateWebhookEndpoint(request)
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.ALREADY_EXISTS:
            return made_before(visit, error)
        return await _new(visit, wanted, request_id, problems_of(error))
    return reveal(visit, made.webhook_endpoint, made.secret, is_new=True)


@family.get("/{id}", needs="WebhooksService.GetWebhookEndpoint")
async def show_endpoint(visit: Visit) -> Response:
    """One endpoint: how it does, what was sent lately, how it is set up, and what can be done with it."""
    name = visit.name("webhookEndpoints")
    recent = webhooks_pb2.ListDeliveriesRequest(parent=visit.store.name, endpoint=name, page_size=RECENT)
    of_day = webhooks_pb2.CountDeliveriesRequest(parent=visit.store.name, endpoint=name)
    endpoint, log, counts, test = await asyncio.gather(
        endpoint_of(visit),
        visit.services.webhooks.ListDeliveries(recent),
        visit.services.webhooks.CountDeliveries(of_day),
        _test_of(visit, name),
    )
    chart = DeliveryChart.of(counts.hours)
    return show(visit, "endpoint.html", endpoint=endpoint, deliveries=log.deliveries, chart=chart, test=test)


@family.get("/{id}/settings", needs="WebhooksService.UpdateWebhookEndpoint")
async def show_settings(visit: Visit) -> Response:
    """The form with how it is set up."""
    endpoint = await endpoint_of(visit)
    return await _settings(visit, endpoint, EndpointForm.of(endpoint), NO_PROBLEMS)


@family.post("/{id}/settings", needs="WebhooksService.UpdateWebhookEndpoint")
async def save_settings(visit: Visit) -> Response:
    """Changes it, unless somebody else has done so since the form was opened: then both are shown."""
    wanted, name = EndpointForm.read(visit.form), visit.name("webhookEndpoints")
    if problems := wanted.problems():
        return await _settings(visit, await endpoint_of(visit), wanted, problems, visit.form["etag"])
    request = webhooks_pb2.UpdateWebhookEndpointRequest(
        webhook_endpoint=wanted.endpoint(name, visit.form["etag"]), update_mask=FieldMask(paths=CHANGEABLE)
    )
    try:
        await visit.services.webhooks.UpdateWebhookEndpoint(request)
    except grpc.aio.AioRpcError as error:
        problems = problems_of(error)
        endpoint = await endpoint_of(visit)
        if error.code() is not grpc.StatusCode.ABORTED:
            return await _settings(visit, endpoint, wanted, problems, visit.form["etag"])
        # With the new etag: whoever saves again has seen what the other has changed.
        clashes = _differences(EndpointForm.of(endpoint), wanted)
        return await _settings(visit, endpoint, wanted, NO_PROBLEMS, clashes=clashes, status=409)
    return visit.go(visit.at("webhooks", visit.request.path_params["id"]), "The settings are saved.")


async def _new(visit: Visit, filled: EndpointForm, request_id: str, problems: Problems) -> Response:
    types = await event_types(visit)
    context = {"filled": filled, "types": types, "request_id_value": request_id, "problems": problems}
    return show(visit, "new.html", 400 if problems else 200, **context)


async def _settings(
    visit: Visit,
    endpoint: Endpoint,
    filled: EndpointForm,
    problems: Problems,
    etag: str = "",
    *,
    clashes: Mapping[str, tuple[str, str]] | None = None,
    status: int = 0,
) -> Response:
    context = {
        "endpoint": endpoint,
        "filled": filled,
        "types": await event_types(visit),
        "etag": etag or endpoint.etag,
        "clashes": clashes,
        "problems": problems,
    }
    return show(visit, "settings.html", status or (400 if problems else 200), **context)


async def _test_of(visit: Visit, endpoint: str) -> webhooks_pb2.Delivery | None:
    """The test that was sent from this page just now; None: none was, or it is another endpoint's."""
    test = visit.query("test")
    if not test:
        return None
    request = webhooks_pb2.GetDeliveryRequest(name=f"{visit.store.name}/deliveries/{test}")
    delivery = (await visit.services.webhooks.GetDelivery(request)).delivery
    return delivery if delivery.endpoint == endpoint else None


_LABELS = {
    "url": "URL",
    "display_name": "Name",
    "event_types": "Events",
    "rate_limit_per_second": "Deliveries a second",
    "max_concurrency": "At the same time",
    "coalesce_window": "Wait for more changes, in seconds",
}


def _differences(theirs: EndpointForm, ours: EndpointForm) -> dict[str, tuple[str, str]]:
    """What is saved now and what was filled in, by label, where they differ."""
    found = {}
    for name, label in _LABELS.items():
        saved, filled = _said(theirs, name), _said(ours, name)
        if saved != filled:
            found[label] = (saved, filled)
    return found


def _said(form: EndpointForm, name: str) -> str:
    if name == "event_types":
        return ", ".join(sorted(form.event_types)) if form.choice == "some" else "All of products"
    return getattr(form, name) or "–"
