"""Giving a key a new secret, step by step: rotate, put the new one in place, see the old one fall silent, finish."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import grpc
from google.protobuf.duration_pb2 import Duration
from sedifex.keys.v1 import keys_pb2
from starlette.responses import Response

from gateway.admin import keys
from gateway.admin.family import Family
from gateway.admin.forms import problems_of
from gateway.admin.keys import REQUEST_ID, get_key
from gateway.admin.visit import Visit
from gateway.admin.words import ago, device, last_part

family = Family("rotation", "/keys", part_of=keys.family)

OVERLAPS = (
    ("0", "At once", "The old secret stops as the new one is shown. For a secret that has leaked."),
    ("900", "15 minutes", "You change it right now, in one place."),
    ("3600", "An hour", "Enough for most: you know where the key is used."),
    ("86400", "A day", "Somebody else has to put it in place."),
    ("604800", "A week", "Several places, or a developer who is away."),
)
"""How long the old secret works on, in seconds."""
SILENT = timedelta(hours=1)
"""An old secret that nobody has used for so long is taken to be out of use: most of what uses a key asks more often."""


@dataclass(frozen=True)
class Advice:
    """Whether a rotation can be finished."""

    tone: Literal["success", "warning", "info"]
    title: str
    text: str


@family.get("/{id}/rotate", needs="KeysService.RotateKey")
async def ask_before_rotating(visit: Visit) -> Response:
    """Asks how long the old secret is to work on."""
    key = await get_key(visit)
    if len(key.secrets) > 1:
        return visit.go(visit.at("keys", last_part(key.name), "rotation"))
    return visit.show("keys/rotate.html", key=key, overlaps=OVERLAPS, request_id_of_form=str(uuid.uuid4()))


@family.post("/{id}/rotate", needs="KeysService.RotateKey", fresh=True)
async def rotate_key(visit: Visit) -> Response:
    """Makes the new secret and shows it, this once. A form that is sent twice makes one."""
    form = visit.form
    seconds = form["overlap"] if form["overlap"] in {value for value, _, _ in OVERLAPS} else "3600"
    request = keys_pb2.RotateKeyRequest(
        name=visit.name("keys"),
        overlap=Duration(seconds=int(seconds)),
        request_id=form["request_id"] if REQUEST_ID.fullmatch(form["request_id"]) else str(uuid.uuid4()),
    )
    try:
        rotated = await visit.services.keys.RotateKey(request)
    except grpc.aio.AioRpcError as error:
        said = problems_of(error).general
        if error.code() is grpc.StatusCode.ALREADY_EXISTS:
            said = "This form was sent before. The new secret was shown with the first answer only; if it was not "
            said += "stored, cancel the rotation and start again."
        return visit.go(_page(visit), said, "warning")
    return visit.show("keys/rotated.html", key=rotated.key, secret=rotated.secret)


@family.get("/{id}/rotation", needs="KeysService.GetKey")
async def show_rotation(visit: Visit) -> Response:
    """Which of the two secrets is used, and whether the old one can go."""
    key = await get_key(visit)
    if len(key.secrets) < 2:
        return visit.go(visit.at("keys", last_part(key.name)))
    return visit.show("keys/rotation.html", key=key, advice=advise(key, visit.now))


@family.post("/{id}/rotation/complete", needs="KeysService.CompleteKeyRotation", fresh=True)
async def complete_rotation(visit: Visit) -> Response:
    """Ends the old secret now."""
    request = keys_pb2.CompleteKeyRotationRequest(name=visit.name("keys"))
    key = (await visit.services.keys.CompleteKeyRotation(request)).key
    return visit.go(visit.at("keys", last_part(key.name)), "The rotation is finished. Only the new secret works.")


@family.post("/{id}/rotation/cancel", needs="KeysService.CancelKeyRotation", fresh=True)
async def cancel_rotation(visit: Visit) -> Response:
    """Ends the new secret; the old one stays."""
    request = keys_pb2.CancelKeyRotationRequest(name=visit.name("keys"))
    key = (await visit.services.keys.CancelKeyRotation(request)).key
    return visit.go(visit.at("keys", last_part(key.name)), "The rotation is cancelled. The old secret is the only one.")


def advise(key: keys_pb2.Key, now: datetime) -> Advice:
    """Whether the old secret can go, by when each was last used."""
    new, old = key.secrets
    if not new.HasField("last_use_time"):
        return Advice(
            "warning",
            "Not yet: nobody has used the new secret",
            "Put it where the key is used, then look here again. Until then, finishing would stop what uses the key.",
        )
    silent_since = old.last_use_time.ToDatetime(UTC) if old.HasField("last_use_time") else None
    if silent_since is None or silent_since + SILENT <= now:
        said = f"It was last used {ago(silent_since, now)}" if silent_since else "It has never been used"
        return Advice(
            "success", "The old secret has fallen silent", f"{said}, and the new one is in use. You can finish."
        )
    if silent_since < new.create_time.ToDatetime(UTC):
        return Advice(
            "success",
            "Only the new secret has been used since",
            f"The old one was last used {ago(silent_since, now)}, before you rotated. If nothing uses the key only now "
            "and then, you can finish.",
        )
    where = f"{device(old.last_use_agent)} at {old.last_use_address or 'an unknown address'}"
    return Advice(
        "warning",
        "Not yet: the old secret is still used",
        f"{where} used it {ago(silent_since, now)}. Put the new one there too. Once the old one has not been used for "
        "an hour, it is safe to finish.",
    )


def _page(visit: Visit) -> str:
    return visit.at("keys", str(visit.request.path_params["id"]), "rotation")
