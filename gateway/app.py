"""The gateway: the services' API as REST, its description, and whether all is well."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import grpc
from sedifex.keys.v1 import keys_pb2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from gateway import admin, guide, reference, schemas, tracing, transcoding, uploads
from gateway.answering import KEY_EXPIRES_HEADER, tell
from gateway.clients import Backend, readiness
from gateway.cross_origin import cross_origin
from gateway.every_answer import EveryAnswer
from gateway.limits import Crowding, RateLimits
from gateway.measuring import Measuring
from gateway.origin import Origins
from services.common import telemetry
from services.common.access.interceptor import CREDENTIAL_EXPIRES
from services.common.access.service_identity import PREFIX as SERVICE_TOKEN
from services.common.access.verdicts import not_accepted
from services.common.settings import GatewaySettings
from services.common.tracing import outgoing as hand_on_trace

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
            answer_headers={CREDENTIAL_EXPIRES: KEY_EXPIRES_HEADER},
            unshared_metadata=frozenset({telemetry.REQUEST_ID_HEADER}),
            partial_etags=PARTIAL_ETAGS,
        ),
    )
    routes: list[BaseRoute] = [
        Route("/healthz", _healthz, methods=ALL_METHODS),
        Route("/readyz", _readyz(services), methods=ALL_METHODS),
        *reference.routes(reference.describe(transcoder.bindings)),
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
    if settings.gateway_guide is not None:
        routes += guide.routes(settings.gateway_guide)
    routes += admin.routes(settings, services, origins.metadata)
    routes.append(Mount("/", transcoder))
    return Starlette(
        routes=routes,
        middleware=_around(settings, origins, routes),
        exception_handlers={HTTPException: tell, transcoding.Problem: tell},
    )


def _around(settings: GatewaySettings, origins: Origins, routes: Sequence[BaseRoute]) -> list[Middleware]:
    """What every request comes through, the outermost first."""
    return [
        *tracing.middleware(),
        Middleware(EveryAnswer, https_only=settings.mode == "production"),
        Middleware(Measuring, routes=routes),
        *cross_origin(settings.gateway_cors_origins),
        Middleware(Crowding, max_requests=settings.gateway_max_requests),
        Middleware(
            RateLimits,
            origins=origins,
            per_key=settings.gateway_requests_per_minute_per_key,
            per_address=settings.gateway_requests_per_minute_per_address,
        ),
    ]


def _upstream_metadata(request: Request) -> list[tuple[str, str | bytes]]:
    """What of a client's own goes on to the services: the credential and the request id, nothing else."""
    credentials = request.headers.getlist("authorization")
    credentials += [f"Bearer {value}" for value in request.headers.getlist("x-api-key")]
    if any(SERVICE_TOKEN in value or not SENDABLE.fullmatch(value) for value in credentials):
        # Services speak to services: a token of theirs that has leaked must not work from outside. And what gRPC would
        # not carry is no credential of ours.
        raise transcoding.Problem(grpc.StatusCode.UNAUTHENTICATED, not_accepted().message)
    return [(telemetry.REQUEST_ID_HEADER, telemetry.request_id()), *(("authorization", each) for each in credentials)]


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


def _event_schemas(services: list[Backend]) -> Callable[[Request], object]:
    """The schemas of events, as the Webhooks service has them."""
    (webhooks,) = (each.channel for each in services if each.name == "webhooks")
    return schemas.EventSchemas(webhooks).serve


class _Pictures(StaticFiles):
    """Pictures that do not change: Starlette gives them an ETag, this a lifetime."""

    def file_response(self, *arguments: object, **options: object) -> Response:
        response = super().file_response(*arguments, **options)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = f"public, max-age={PICTURES_CACHE_S}"
        # Shops' websites show them.
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        # A picture opened by itself is a document: it must not run anything.
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        return response
