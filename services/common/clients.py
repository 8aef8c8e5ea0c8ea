"""Channels from one Sedifex service to another: they carry the service's credential and the request id."""

import json
from collections.abc import Callable
from typing import Any

import grpc

from services.common import telemetry, tls, tracing
from services.common.access import service_identity
from services.common.certificates import Files

CHANNEL_OPTIONS = [
    # Notice a peer that has vanished without a word, well inside a call's deadline.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    # Try a peer that was away again within a second: services start in any order.
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    # Calls are spread over all replicas that the name resolves to, while they say that they serve: one that is about
    # to stop says so before it does (see `server.serving`).
    (
        "grpc.service_config",
        json.dumps({"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}}),
    ),
]


class _Credentials(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, token: str) -> None:
        self._authorization = f"Bearer {token}"

    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        metadata = [("authorization", self._authorization), *tracing.outgoing()]
        if request_id := telemetry.request_id():
            metadata.append((telemetry.REQUEST_ID_HEADER, request_id))
        details = client_call_details._replace(metadata=grpc.aio.Metadata(*metadata))  # type: ignore[attr-defined]
        return await continuation(details, request)


def service_channel(address: str, service: str, secret: str, tls_files: Files | None = None) -> grpc.aio.Channel:
    """A channel to `address` ("host:port") on which the service of this name speaks as itself; see `tls.channel`."""
    credentials = _Credentials(service_identity.token_for(service, secret))
    return tls.channel(address, tls_files, options=CHANNEL_OPTIONS, interceptors=[credentials])
