"""Replays: choosing what to send again, seeing how much that is, and watching it being done."""

import asyncio
from dataclasses import dataclass
from typing import Any

import grpc
from sedifex.webhooks.v1 import webhooks_pb2
from starlette.datastructures import QueryParams
from starlette.responses import Response

from gateway.admin.forms import NO_PROBLEMS, Form, Problems, problems_of
from gateway.admin.visit import Visit
from gateway.admin.webhooks.family import (
    Endpoint,
    endpoints_of,
    event_types,
    family,
    for_field,
    moment_in,
    new_request_id,
    show,
)

Delivery = webhooks_pb2.Delivery
Replay = webhooks_pb2.Replay
STATES = {
    "failed": (Delivery.STATE_DEAD, "Failed", "Given up after every try."),
    "missed": (
        Delivery.STATE_CANCELLED,
        "Missed",
        "Never sent: the endpoint was disabled, or was not there yet, or was deleted first.",
    ),
    "delivered": (Delivery.STATE_SUCCEEDED, "Delivered", "Arrived once already; receivers pass over what they have."),
    "merged": (Delivery.STATE_COALESCED, "Merged", "Left out, because a later change of the product said it all."),
}
"""What an event's newest delivery may have come to, in the words of the form."""
DEFAULT_STATES = ("failed", "missed")
MAX_COUNTED = 10_000
"""Events that the service looks at to say what a replay would do."""
FIELD_WORDS = {"start_time": "since", "end_time": "until", "event_types": "type", "states": "state"}


@dataclass(frozen=True)
class Wanted:
    """What the form says, as text."""

    endpoint: str
    since: str
    until: str
    states: tuple[str, ...]
    types: tuple[str, ...]

    @classmethod
    def of(cls, fields: QueryParams | Form) -> "Wanted":
        """What an address or a form has brought."""
        many = fields.getlist if isinstance(fields, QueryParams) else fields.all
        return cls(
            endpoint=fields.get("endpoint", "").strip(),
            since=fields.get("since", "").strip(),
            until=fields.get("until", "").strip(),
            states=tuple(each for each in many("state") if each in STATES) or DEFAULT_STATES,
            types=tuple(each for each in many("type") if each),
        )

    def request(self, store: str, **values: Any) -> webhooks_pb2.ReplayEventsRequest:
        """The same as the service is asked."""
        return webhooks_pb2.ReplayEventsRequest(
            parent=store,
            endpoint=f"{store}/webhookEndpoints/{self.endpoint}" if self.endpoint else "",
            start_time=moment_in(self.since),
            end_time=moment_in(self.until),
            states=[STATES[each][0] for each in self.states],
            event_types=self.types,
            **values,
        )

    def problems(self) -> Problems:
        """What can be told without asking the service."""
        fields = {}
        if not moment_in(self.since):
            fields["since"] = "Choose the moment from which on."
        if self.until and not moment_in(self.until):
            fields["until"] = "Choose a moment, or leave it empty: until now."
        return Problems("", fields) if fields else NO_PROBLEMS


@family.get("/replays", needs="WebhooksService.ListReplays")
async def list_replays(visit: Visit) -> Response:
    """All replays, newest first."""
    request = webhooks_pb2.ListReplaysRequest(parent=visit.store.name, page_token=visit.query("page"))
    found, endpoints = await asyncio.gather(visit.services.webhooks.ListReplays(request), endpoints_of(visit))
    is_live = any(each.state == Replay.STATE_RUNNING for each in found.replays)
    return show(
        visit,
        "replays.html",
        replays=found.replays,
        endpoints=endpoints,
        next_token=found.next_page_token,
        is_live=is_live,
    )


@family.get("/replays/new", needs="WebhooksService.ReplayEvents")
async def choose(visit: Visit) -> Response:
    """The form, and once it is filled in how much would be sent."""
    wanted = Wanted.of(visit.request.query_params)
    if not visit.query("count"):
        return await _form(visit, wanted)
    if problems := wanted.problems():
        return await _form(visit, wanted, problems)
    try:
        foreseen = await visit.services.webhooks.ReplayEvents(wanted.request(visit.store.name, validate_only=True))
    except grpc.aio.AioRpcError as error:
        return await _form(visit, wanted, _problems(error))
    return await _form(visit, wanted, foreseen=foreseen.replay)


@family.post("/replays", needs="WebhooksService.ReplayEvents")
async def start(visit: Visit) -> Response:
    """Begins."""
    wanted = Wanted.of(visit.form)
    if problems := wanted.problems():
        return await _form(visit, wanted, problems)
    request = wanted.request(visit.store.name, request_id=visit.form["request_id"])
    try:
        begun = await visit.services.webhooks.ReplayEvents(request)
    except grpc.aio.AioRpcError as error:
        return await _form(visit, wanted, _problems(error))
    return visit.go(visit.at("webhooks", "replays", begun.replay.name.rpartition("/")[2]))


@family.get("/replays/{id}", needs="WebhooksService.GetReplay")
async def show_replay(visit: Visit) -> Response:
    """How far one is."""
    request = webhooks_pb2.GetReplayRequest(name=visit.name("replays"))
    found, endpoints = await asyncio.gather(visit.services.webhooks.GetReplay(request), endpoints_of(visit))
    replay = found.replay
    return show(
        visit,
        "replay.html",
        replay=replay,
        endpoint=endpoints.get(replay.request.endpoint),
        state_words=[text for state, text, _ in STATES.values() if state in replay.request.states],
        share=_share(replay),
        since=for_field(replay.create_time),
    )


@family.post("/replays/{id}/cancel", needs="WebhooksService.CancelReplay")
async def cancel(visit: Visit) -> Response:
    """Stops one."""
    await visit.services.webhooks.CancelReplay(webhooks_pb2.CancelReplayRequest(name=visit.name("replays")))
    page = visit.at("webhooks", "replays", visit.request.path_params["id"])
    return visit.go(page, "The replay is stopped. What it had made due already is sent.")


async def _form(
    visit: Visit, wanted: Wanted, problems: Problems = NO_PROBLEMS, *, foreseen: Replay | None = None
) -> Response:
    endpoints, types = await asyncio.gather(endpoints_of(visit), event_types(visit))
    enabled = [each for each in endpoints.values() if each.state == Endpoint.STATE_ENABLED]
    return show(
        visit,
        "new_replay.html",
        400 if problems else 200,
        wanted=wanted,
        endpoints=enabled,
        types=types,
        states=STATES,
        foreseen=foreseen,
        counted_all=foreseen is not None and foreseen.examined_count < MAX_COUNTED,
        request_id_value=new_request_id(),
        problems=problems,
    )


def _problems(error: grpc.aio.AioRpcError) -> Problems:
    found = problems_of(error, "ENDPOINT_NOT_FOUND")
    fields = {FIELD_WORDS.get(name, name): text for name, text in found.fields.items()}
    return Problems(found.general, fields, found.reason)


def _share(replay: Replay) -> int:
    """How much of the time that it goes through is behind it, in percent."""
    begin, end = replay.request.start_time.ToNanoseconds(), replay.request.end_time.ToNanoseconds()
    if replay.state == Replay.STATE_SUCCEEDED or end <= begin:
        return 100
    return max(0, min(100, (replay.progress_time.ToNanoseconds() - begin) * 100 // (end - begin)))
