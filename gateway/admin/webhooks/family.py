"""What the pages of webhooks share: their place, and the endpoints that they speak of."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.webhooks.v1 import webhooks_pb2
from starlette.responses import Response

from gateway.admin.family import Family, Nav
from gateway.admin.visit import Visit
from gateway.admin.webhooks import words

family = Family("webhooks", "/webhooks", Nav("Webhooks", "bolt", "Connections", on_bar=True))

Endpoint = webhooks_pb2.WebhookEndpoint
MAX_ENDPOINTS = 200
"""As many as the service lists at once, and more than a store may have."""


def show(visit: Visit, template: str, status: int = 200, **context: Any) -> Response:
    """A page of this family; templates know `words` as `told`."""
    return visit.show(f"webhooks/{template}", status, told=words, **context)


async def endpoints_of(visit: Visit) -> Mapping[str, Endpoint]:
    """All endpoints of the shop by resource name, newest first."""
    request = webhooks_pb2.ListWebhookEndpointsRequest(parent=visit.store.name, page_size=MAX_ENDPOINTS)
    found = await visit.services.webhooks.ListWebhookEndpoints(request)
    return {each.name: each for each in found.webhook_endpoints}


async def endpoint_of(visit: Visit) -> Endpoint:
    """The endpoint that the path speaks of."""
    request = webhooks_pb2.GetWebhookEndpointRequest(name=visit.name("webhookEndpoints"))
    return (await visit.services.webhooks.GetWebhookEndpoint(request)).webhook_endpoint


async def event_types(visit: Visit) -> list[webhooks_pb2.EventType]:
    """The types that an endpoint can ask for: all but the test, which comes without being asked for."""
    found = await visit.services.webhooks.ListEventTypes(webhooks_pb2.ListEventTypesRequest())
    return [each for each in found.event_types if each.type != words.TEST]


def new_request_id() -> str:
    """What a form brings along so that sending it twice does nothing twice."""
    return str(uuid.uuid4())


def moment_in(text: str) -> Timestamp | None:
    """The moment that a form's field or an address names, in UTC; None: it is empty, or no moment."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    made = Timestamp()
    try:
        made.FromDatetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None
    return made


def for_field(moment: Timestamp) -> str:
    """The moment as a datetime-local field takes it, in whole seconds."""
    return moment.ToDatetime(UTC).strftime("%Y-%m-%dT%H:%M:%S")
