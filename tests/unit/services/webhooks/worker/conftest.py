"""Senders, endpoints and a certificate, all closed or gone at the end of the test."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.webhooks.worker.sender import Sender
from tests.unit.services.webhooks.worker.partner import (
    FEW,
    LOOPBACK,
    OK,
    PATIENCE,
    Endpoint,
    Received,
    Start,
    answering,
)


@pytest.fixture
def sender() -> Iterator[Sender]:
    with Sender(allowed_networks=LOOPBACK, time_limit=PATIENCE, connect_limit=PATIENCE) as made:
        yield made


@pytest.fixture
def single() -> Iterator[Sender]:
    """One slot, so that every request uses the same handle."""
    with Sender(allowed_networks=LOOPBACK, time_limit=PATIENCE, connect_limit=PATIENCE, max_in_flight=1) as made:
        yield made


@pytest.fixture
def hasty() -> Iterator[Sender]:
    """Its limits strike soon."""
    with Sender(allowed_networks=LOOPBACK, time_limit=FEW, connect_limit=FEW) as made:
        yield made


@pytest.fixture
def start() -> Iterator[Start]:
    """Start endpoints by bytes to answer with, or by a function; all are stopped at the end."""
    with contextlib.ExitStack() as stack:

        def begin(
            answer: bytes | Callable[[Endpoint, socket.socket, Received], bool] = OK,
            *,
            keep: bool = True,
            tls: ssl.SSLContext | None = None,
        ) -> Endpoint:
            chosen = answering(answer, keep=keep) if isinstance(answer, bytes) else answer
            endpoint = Endpoint(chosen, tls)
            stack.callback(endpoint.close)
            return endpoint

        yield begin


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.example")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path / "endpoint.pem"
    path.write_bytes(built.public_bytes(pem) + private)
    return path
