"""The gateway: the services' API as REST, its description, and whether all is well."""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from sedifex.keys.v1 import keys_pb2
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import schemas, tracing, transcoding, uploads
from gateway.clients import Backend, readiness
from gateway.measuring import Measuring
from gateway.origin import Origins
from services.common import telemetry
from services.common.access.service_identity import PREFIX as SERVICE_TOKEN
from services.common.access.verdicts import not_accepted
from services.common.settings import GatewaySettings
from services.common.tracing import outgoing as hand_on_trace

log = logging.getLogger(__name__)

READING = ("GET", "HEAD")
ALL_METHODS = (*READING, "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SENDABLE = re.compile(r"[ -~]{0,300}")
PARTIAL_ETAGS = frozenset({keys_pb2.Key.DESCRIPTOR.full_name})
"""A key shows its state and its last use as they are now; its etag counts what somebody has changed."""
PICTURES_CACHE_S = 7 * 24 * 3600


def build(settings: GatewaySettings, services: list[Backend], beside: Sequence[BaseRoute] = ()) -> Starlette:
    """The application over these services.

    `beside`: routes beside those of the contract, whose endpoints refuse by raising transcoding.Problem.
    """
    origins = Origins(settings.service_secret.get_secret_value(), settings.gateway_trusted_proxies)

    def metadata(request: Request) -> list[tuple[str, str | bytes]]:
        return _upstream_metadata(request) + origins.metadata(request) + hand_on_trace()

    transcoder = transcoding.Transcoder(
        [(each.descriptor, each.channel) for each in services],
        metadata=metadata,
        request_id=lambda _request: telemetry.request_id(),
        options=transcoding.Options(
            max_body_bytes=settings.gateway_max_body_bytes,
            vary="Authorization, X-Api-Key",
            partial_etags=PARTIAL_ETAGS,
        ),
    )
    routes: list[BaseRoute] = [
        Route("/healthz", _healthz, methods=ALL_METHODS),
        Route("/readyz", _readyz(services), methods=ALL_METHODS),
        Route("/openapi.json", _openapi(transcoder), methods=ALL_METHODS),
        Route(schemas.PATH, _event_schemas(services), methods=ALL_METHODS),
        *beside,
    ]
    routes += [
        Route(uploads.PATH, uploads.Uploads(each.channel, metadata).respond, methods=ALL_METHODS)
        for each in services
        if each.descriptor.name == "ImportsService"
    ]
    if settings.gateway_sample_shop:
        pictures = _Pictures(directory=Path(__file__).with_name("sample_shop") / "images")
        routes.append(Mount("/sample-shop/images", pictures))
    routes.append(Mount("/", transcoder))
    return Starlette(
        routes=routes,
        middleware=[*tracing.middleware(), Middleware(_RequestIds), Middleware(Measuring, routes=routes)],
        exception_handlers={HTTPException: _tell, transcoding.Problem: _tell, Exception: _tell},
    )


def _upstream_metadata(request: Request) -> list[tuple[str, str | bytes]]:
    """What of a client's own goes on to the services: the credential and the request id, nothing else."""
    credentials = request.headers.getlist("authorization")
    credentials += [f"Bearer {value}" for value in request.headers.getlist("x-api-key")]
    if any(SERVICE_TOKEN in value or not SENDABLE.fullmatch(value) for value in credentials):
        # Services speak to services: a token of theirs that has leaked must not work from outside. And what gRPC would
        # not carry is no credential of ours.
        raise transcoding.Problem(grpc.StatusCode.UNAUTHENTICATED, not_accepted().message)
    return [(telemetry.REQUEST_ID_HEADER, telemetry.request_id()), *(("authorization", each) for each in credentials)]


async def _tell(_request: Request, error: Exception) -> Response:
    """What the gateway itself refuses, in the one form that errors have."""
    if isinstance(error, transcoding.Problem):
        problem = error
    elif not isinstance(error, HTTPException):
        log.error("unexpected error", exc_info=error)
        problem = transcoding.Problem(grpc.StatusCode.INTERNAL, "Something went wrong on our side.")
    elif error.status_code == 405:
        problem = transcoding.Problem(
            grpc.StatusCode.UNIMPLEMENTED, "This path is served under: GET, HEAD.", http_status=405
        )
    else:
        message = "Nothing is served at this path. Compare it with the API's description at /openapi.json."
        problem = transcoding.Problem(grpc.StatusCode.NOT_FOUND, message, http_status=error.status_code)
    headers = {**problem.response_headers(), **(getattr(error, "headers", None) or {})}
    content = problem.body(telemetry.request_id())
    return Response(content, problem.status, headers, media_type="application/json")


def _read_only(request: Request) -> None:
    """Refuses all but reading. The routes take every method, or others would fall through to the API's 404."""
    if request.method not in READING:
        raise HTTPException(405, headers={"Allow": ", ".join(READING)})


async def _healthz(request: Request) -> Response:
    """The process is alive."""
    _read_only(request)
    return JSONResponse({"status": "alive"})


def _readyz(services: list[Backend]) -> Callable[[Request], object]:
    """Every service can do its work."""

    async def endpoint(request: Request) -> Response:
        _read_only(request)
        ready = await readiness(services)
        words = {name: "ready" if is_ready else "not ready" for name, is_ready in ready.items()}
        status = "ready" if all(ready.values()) else "not ready"
        return JSONResponse({"status": status, "services": words}, 200 if all(ready.values()) else 503)

    return endpoint


def _openapi(transcoder: transcoding.Transcoder) -> Callable[[Request], object]:
    """The API's description, from the contract and its comments."""
    contract = FileDescriptorSet.FromString(files("sedifex").joinpath("descriptors.binpb").read_bytes())
    document = transcoding.document(
        transcoder.bindings,
        title="Sedifex Integrations",
        version="v1",
        description="API keys, a product feed and webhooks for small shops.",
        files=contract,
        security_schemes={
            "bearer": {"type": "http", "scheme": "bearer"},
            "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
        },
    )
    document["paths"][uploads.PATH] = uploads.describe()
    content = json.dumps(document, ensure_ascii=False).encode()
    headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()[:16]}"', "Cache-Control": "public, max-age=300"}

    async def endpoint(request: Request) -> Response:
        _read_only(request)
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type="application/json")

    return endpoint


def _event_schemas(services: list[Backend]) -> Callable[[Request], object]:
    """The schemas of events, as the Webhooks service has them."""
    (webhooks,) = (each.channel for each in services if each.name == "webhooks")
    return schemas.EventSchemas(webhooks).serve


class _Pictures(StaticFiles):
    """Pictures that do not change: Starlette gives them an ETag, this a lifetime."""

    def file_response(self, *arguments: object, **options: object) -> Response:
        response = super().file_response(*arguments, **options)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = f"public, max-age={PICTURES_CACHE_S}"
        # A picture opened by itself is a document: it must not run anything.
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        return response


class _RequestIds:
    """Gives each request its id, on the way in and in the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request with an id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = telemetry.begin_request(Request(scope).headers.get(telemetry.REQUEST_ID_HEADER))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[telemetry.REQUEST_ID_HEADER] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self._app(scope, receive, send_with_id)
