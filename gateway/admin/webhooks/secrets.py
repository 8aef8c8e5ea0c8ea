"""Signing secrets: revealed once, and changed without a delivery being refused meanwhile."""

from collections.abc import Mapping
from datetime import timedelta

import grpc
from google.protobuf.duration_pb2 import Duration
from sedifex.webhooks.v1 import webhooks_pb2
from starlette.responses import Response

from gateway.admin.forms import NO_PROBLEMS, Problems, problems_of
from gateway.admin.visit import Visit
from gateway.admin.webhooks.family import Endpoint, endpoint_of, family, new_request_id, show
from services.common.status import info_of

OVERLAPS: Mapping[str, tuple[timedelta, str, str]] = {
    "1h": (timedelta(hours=1), "One hour", "Enough where you can change the receiver's settings yourself."),
    "24h": (timedelta(hours=24), "One day", "Where somebody else has to put the new one in place."),
    "7d": (timedelta(days=7), "Seven days", "Where it takes a release of your software."),
    "now": (timedelta(), "None", "The old one signs no more from now on. Only if it has leaked."),
}
"""How long the old secret signs as well: its length, what it is called, and when it is right."""
DEFAULT_OVERLAP, AT_ONCE = "1h", "now"


@family.get("/{id}/secret", needs="WebhooksService.RotateWebhookEndpointSecret")
async def show_rotation(visit: Visit) -> Response:
    """The first step of a rotation, or how far one is that goes on."""
    return await _rotation(visit, new_request_id(), NO_PROBLEMS)


@family.post("/{id}/secret", needs="WebhooksService.RotateWebhookEndpointSecret", fresh=True)
async def rotate_secret(visit: Visit) -> Response:
    """Makes a new secret and shows it once."""
    chosen, request_id = visit.form["overlap"], visit.form["request_id"]
    if chosen not in OVERLAPS:
        return await _rotation(visit, request_id, Problems("", {"overlap": "Choose how long the old one signs."}))
    overlap = Duration()
    overlap.FromTimedelta(OVERLAPS[chosen][0])
    request = webhooks_pb2.RotateWebhookEndpointSecretRequest(
        name=visit.name("webhookEndpoints"), overlap=overlap, request_id=request_id
    )
    try:
        made = await visit.services.webhooks.RotateWebhookEndpointSecret(request)
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.ALREADY_EXISTS:
            return made_before(visit, error)
        return await _rotation(visit, request_id, problems_of(error))
    return reveal(visit, made.webhook_endpoint, made.secret, is_new=False)


def reveal(visit: Visit, endpoint: Endpoint, secret: str, *, is_new: bool) -> Response:
    """The page that shows a secret, this once."""
    return show(visit, "secret.html", endpoint=endpoint, secret=secret, is_new=is_new)


def made_before(visit: Visit, error: grpc.aio.AioRpcError) -> Response:
    """What a page says that was reloaded, or sent twice: it was done, and once only."""
    name = info_of(error).metadata.get("name", "")
    return show(visit, "made_before.html", 409, endpoint_id=name.rpartition("/")[2])


async def _rotation(visit: Visit, request_id: str, problems: Problems) -> Response:
    context = {
        "endpoint": await endpoint_of(visit),
        "overlaps": [(key, title, text) for key, (_, title, text) in OVERLAPS.items()],
        "default_overlap": DEFAULT_OVERLAP,
        "at_once": AT_ONCE,
        "request_id_value": request_id,
        "problems": problems,
    }
    return show(visit, "rotation.html", 400 if problems else 200, **context)
