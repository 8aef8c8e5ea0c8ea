"""The schemas of events as plain files: `GET /schemas/events/{type}.json`, for validators that take a URL.

The Webhooks service holds them; this asks it now and then, and goes on with what it knows while that service is away.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from sedifex.webhooks.v1 import webhooks_pb2, webhooks_pb2_grpc
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.answering import answer
from gateway.transcoding import Problem
from services.common import telemetry

log = logging.getLogger(__name__)

READING = ("GET", "HEAD")
PATH = "/schemas/events/{type}.json"
FRESH_S = 300.0
DEADLINE_S = 2.0

Clock = Callable[[], float]


@dataclass(frozen=True)
class _File:
    content: bytes
    etag: str


class EventSchemas:
    """The schemas of every type of event, as files."""

    def __init__(self, channel: grpc.aio.Channel, clock: Clock = time.monotonic) -> None:
        self._webhooks: Any = webhooks_pb2_grpc.WebhooksServiceStub(channel)
        self._clock = clock
        self._files: dict[str, _File] = {}
        self._fresh_until = 0.0

    async def serve(self, request: Request) -> Response:
        """Answers with the schema of the type that the path names.

        Raises:
            HTTPException: there is no such type, or it is to be changed.
        """
        if request.method not in READING:
            raise HTTPException(405, headers={"Allow": ", ".join(READING)})
        await self._refresh()
        if not self._files:
            return _unavailable()
        found = self._files.get(request.path_params["type"])
        if found is None:
            raise HTTPException(404)
        headers = {"ETag": found.etag, "Cache-Control": f"public, max-age={FRESH_S:.0f}"}
        if request.headers.get("if-none-match") == found.etag:
            return Response(status_code=304, headers=headers)
        # To anybody's page: what is here is public.
        headers["Access-Control-Allow-Origin"] = "*"
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        content = b"" if request.method == "HEAD" else found.content
        return Response(content, headers=headers, media_type="application/schema+json")

    async def _refresh(self) -> None:
        """Asks for the schemas if what is known is old; keeps it while they cannot be had."""
        if self._clock() < self._fresh_until:
            return
        metadata = [(telemetry.REQUEST_ID_HEADER, telemetry.request_id())]
        try:
            request = webhooks_pb2.ListEventTypesRequest()
            listed = await self._webhooks.ListEventTypes(request, timeout=DEADLINE_S, metadata=metadata)
        except grpc.aio.AioRpcError as failure:
            log.warning("the schemas of events cannot be had", extra={"cause": failure.code().name})
            return
        self._files = {each.type: _file(each) for each in listed.event_types}
        self._fresh_until = self._clock() + FRESH_S


def _unavailable() -> Response:
    message = "The schemas cannot be had just now. Try again shortly."
    return answer(Problem(grpc.StatusCode.UNAVAILABLE, message, headers={"Retry-After": "1"}))


def _file(event_type: webhooks_pb2.EventType) -> _File:
    # In order: a message keeps none, and the same schema must have the same tag at every gateway.
    schema = json.dumps(MessageToDict(event_type.schema), ensure_ascii=False, indent=2, sort_keys=True)
    content = f"{schema}\n".encode()
    return _File(content, f'"{hashlib.sha256(content).hexdigest()[:16]}"')
