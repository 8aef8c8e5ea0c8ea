"""What can be done with an endpoint by one press: a test, stopping, going on, deleting."""

from urllib.parse import urlencode

import grpc
from sedifex.webhooks.v1 import webhooks_pb2
from starlette.responses import Response

from gateway.admin.forms import problems_of
from gateway.admin.visit import Visit
from gateway.admin.webhooks.family import family, for_field


@family.post("/{id}/test", needs="WebhooksService.SendTestEvent")
async def send_test(visit: Visit) -> Response:
    """Sends a test event; the endpoint's page then shows what comes of it."""
    request = webhooks_pb2.SendTestEventRequest(name=visit.name("webhookEndpoints"))
    try:
        sent = await visit.services.webhooks.SendTestEvent(request)
    except grpc.aio.AioRpcError as error:
        return visit.go(_page(visit), problems_of(error, "TOO_MANY_TESTS").general, "warning")
    return visit.go(f"{_page(visit)}?test={sent.delivery.name.rpartition('/')[2]}#test")


@family.post("/{id}/disable", needs="WebhooksService.DisableWebhookEndpoint")
async def disable(visit: Visit) -> Response:
    """Stops sending."""
    request = webhooks_pb2.DisableWebhookEndpointRequest(name=visit.name("webhookEndpoints"))
    await visit.services.webhooks.DisableWebhookEndpoint(request)
    return visit.go(_page(visit), "The endpoint is disabled. Nothing is sent to it until you enable it.")


@family.post("/{id}/enable", needs="WebhooksService.EnableWebhookEndpoint")
async def enable(visit: Visit) -> Response:
    """Goes on sending; what was missed meanwhile can be sent in the next step."""
    name = visit.name("webhookEndpoints")
    enabled = await visit.services.webhooks.EnableWebhookEndpoint(webhooks_pb2.EnableWebhookEndpointRequest(name=name))
    if not enabled.missed_count:
        return visit.go(_page(visit), "The endpoint is enabled. It has missed nothing.")
    query = {"endpoint": visit.request.path_params["id"], "since": for_field(enabled.missed_since_time)}
    where = visit.at("webhooks", "replays", "new") + "?" + urlencode(query | {"missed": "1", "count": "1"})
    return visit.go(where, "The endpoint is enabled.")


@family.post("/{id}/delete", needs="WebhooksService.DeleteWebhookEndpoint")
async def delete(visit: Visit) -> Response:
    """Removes it for good."""
    request = webhooks_pb2.DeleteWebhookEndpointRequest(name=visit.name("webhookEndpoints"))
    await visit.services.webhooks.DeleteWebhookEndpoint(request)
    return visit.go(visit.at("webhooks"), "The endpoint is deleted. Its deliveries stay in the log.")


def _page(visit: Visit) -> str:
    return visit.at("webhooks", visit.request.path_params["id"])
