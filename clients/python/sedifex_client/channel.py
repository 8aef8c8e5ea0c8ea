"""A channel as a program should have it: encrypted, with a credential, a deadline, and retries that are safe."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor import FileDescriptor
from sedifex.catalog.v1 import catalog_pb2, imports_pb2
from sedifex.keys.v1 import keys_pb2, members_pb2
from sedifex.webhooks.v1 import webhooks_pb2

DEADLINE_S = 10.0
"""How long a call may take where it names no timeout of its own, all tries together."""
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""More than the largest page of the largest products."""
MAX_TOKEN = 300

_FILES: Sequence[FileDescriptor] = tuple(
    module.DESCRIPTOR for module in (catalog_pb2, imports_pb2, keys_pb2, members_pb2, webhooks_pb2)
)
_READING = ("Get", "List")
_OPTIONS: Sequence[tuple[str, Any]] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # Notice a peer that has vanished without a word, well inside a call's deadline.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


@dataclass(frozen=True)
class Certificate:
    """What a program shows of itself, where the services want to see that: both PEM, as bytes."""

    key: bytes
    chain: bytes

    def __repr__(self) -> str:
        return "Certificate(…)"


def connect(
    address: str,
    token: str,
    *,
    roots: bytes | None = None,
    certificate: Certificate | None = None,
    plaintext: bool = False,
    deadline: float = DEADLINE_S,
) -> grpc.Channel:
    """A channel to a service.

    Args:
        address: "host:port".
        token: an API key, or an operator's token. It goes with every call.
        roots: the certificates to trust, PEM; those that gRPC brings where none are given.
        certificate: what to show of oneself (mTLS).
        plaintext: speak without TLS. The token can then be read on the way: inside one machine only.
        deadline: seconds for a call that names no timeout of its own, all tries together.

    Calls that read (`Get…`, `List…`) are tried up to four times while the service is UNAVAILABLE. Calls that write are
    not: whether the first one did its work is not known. Give them a `request_id` and repeat them yourself.

    Raises:
        ValueError: the token is no token, or TLS is both asked for and not.
    """
    _check(token, roots, certificate, plaintext=plaintext)
    if plaintext:
        channel = grpc.insecure_channel(address, options=_options())
    else:
        channel = grpc.secure_channel(address, _tls(roots, certificate), options=_options())
    return grpc.intercept_channel(channel, _Calls(token, deadline))


def connect_async(
    address: str,
    token: str,
    *,
    roots: bytes | None = None,
    certificate: Certificate | None = None,
    plaintext: bool = False,
    deadline: float = DEADLINE_S,
) -> grpc.aio.Channel:
    """The same for asyncio."""
    _check(token, roots, certificate, plaintext=plaintext)
    calls = [_AsyncCalls(token, deadline)]
    if plaintext:
        return grpc.aio.insecure_channel(address, options=_options(), interceptors=calls)
    return grpc.aio.secure_channel(address, _tls(roots, certificate), options=_options(), interceptors=calls)


def service_config() -> str:
    """gRPC's configuration of a channel: what is tried again, and where.

    Reading methods are, on UNAVAILABLE (https://grpc.io/docs/guides/retry). Calls are spread over all replicas that the
    name resolves to, while they say that they serve (https://grpc.io/docs/guides/health-checking): one that is about to
    stop says so before it does.
    """
    services = [service for file in _FILES for service in file.services_by_name.values()]
    reading = [
        {"service": service.full_name, "method": method.name}
        for service in services
        for method in service.methods
        if method.name.startswith(_READING)
    ]
    policy = {
        "maxAttempts": 4,
        "initialBackoff": "0.2s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    return json.dumps(
        {
            "methodConfig": [{"name": reading, "retryPolicy": policy}],
            "loadBalancingConfig": [{"round_robin": {}}],
            "healthCheckConfig": {"serviceName": ""},
        }
    )


def _options() -> list[tuple[str, Any]]:
    return [*_OPTIONS, ("grpc.service_config", service_config())]


def _check(token: str, roots: bytes | None, certificate: Certificate | None, *, plaintext: bool) -> None:
    # Never the token itself in the message: messages are logged.
    if not token or len(token) > MAX_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("the token is empty or holds what no token has; is there a line break at its end?")
    if plaintext and (roots or certificate):
        raise ValueError("plaintext goes without roots and certificate; leave plaintext out to speak TLS")


def _tls(roots: bytes | None, certificate: Certificate | None) -> grpc.ChannelCredentials:
    if certificate is None:
        return grpc.ssl_channel_credentials(roots)
    return grpc.ssl_channel_credentials(roots, certificate.key, certificate.chain)


class _Calls(grpc.UnaryUnaryClientInterceptor):
    """Gives each call the credential, and a deadline if it has none. All methods of ours are unary."""

    def __init__(self, token: str, deadline: float) -> None:
        self._authorization = ("authorization", f"Bearer {token}")
        self._deadline = deadline

    def intercept_unary_unary(self, continuation: Callable[..., Any], client_call_details: Any, request: Any) -> Any:
        return continuation(self._completed(client_call_details), request)

    def _completed(self, details: Any) -> "_Details":
        return _Details(
            details.method,
            self._deadline if details.timeout is None else details.timeout,
            (*(details.metadata or ()), self._authorization),
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )


class _AsyncCalls(grpc.aio.UnaryUnaryClientInterceptor):
    """The same for asyncio."""

    def __init__(self, token: str, deadline: float) -> None:
        self._authorization = ("authorization", f"Bearer {token}")
        self._deadline = deadline

    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        details = client_call_details
        completed = details._replace(
            timeout=self._deadline if details.timeout is None else details.timeout,
            metadata=grpc.aio.Metadata(*(details.metadata or ()), self._authorization),
        )
        return await continuation(completed, request)


@dataclass(frozen=True)
class _Details(grpc.ClientCallDetails):
    method: str
    timeout: float | None
    metadata: tuple[tuple[str, str | bytes], ...] | None
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None
