"""How an exchange ends that brings no complete answer: the kind and the words for the delivery log."""

import socket
from pathlib import Path
from typing import Any

import pytest

from services.webhooks.worker.sender import ErrorKind, Sender
from tests.unit.services.webhooks.worker.partner import (
    LOOPBACK,
    Endpoint,
    Received,
    Start,
    drain,
    drip,
    hang,
    request,
    secure,
    send,
)

BAD_CHUNK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n"


def test_endless_headers_are_a_protocol_error(sender: Sender, start: Start) -> None:
    def flood(endpoint: Endpoint, connection: socket.socket, _received: Received) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not endpoint.closing.is_set():
            connection.sendall(b"X-A: %s\r\n" % (b"a" * 1000))
        return False

    exchange = send(sender, request(start(flood).url()))
    assert (exchange.status, exchange.error_kind) == (None, ErrorKind.PROTOCOL)


@pytest.mark.parametrize("manners", [hang, drip])
def test_endpoint_that_does_not_finish_is_a_timeout(manners: Any, hasty: Sender, start: Start) -> None:
    exchange = send(hasty, request(start(manners).url()))
    assert exchange.status is None
    assert exchange.error_kind is ErrorKind.TIMEOUT
    assert exchange.error == "timeout: no complete answer within 0.3 s"


def test_tls_handshake_that_never_ends_is_a_timeout_of_the_connection(hasty: Sender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        exchange = send(hasty, request(f"https://127.0.0.1:{silent.getsockname()[1]}/"))
    assert exchange.error == "timeout: no connection within 0.3 s"


def test_closed_port_is_a_connect_error(sender: Sender, closed_port: int) -> None:
    exchange = send(sender, request(f"http://127.0.0.1:{closed_port}/"))
    assert exchange.error_kind is ErrorKind.CONNECT
    assert exchange.error == "connect: connection refused"
    assert exchange.remote_address is None


def test_denied_address_is_refused_and_hears_nothing(start: Start) -> None:
    endpoint = start()
    with Sender() as sender:
        exchange = send(sender, request(endpoint.url()))
    assert exchange.error_kind is ErrorKind.REFUSED
    assert exchange.error == "refused: 127.0.0.1 is a loopback address"
    assert endpoint.connections == 0


def test_unknown_host_is_a_dns_error(sender: Sender) -> None:
    exchange = send(sender, request("http://hooks.shop.invalid/"))
    assert exchange.error_kind is ErrorKind.DNS
    assert exchange.error == "dns: the host name could not be resolved"


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "file:///etc/hostname", "gopher://127.0.0.1/", "http://", "http://a b/"]
)
def test_url_that_cannot_be_called_is_a_url_error(url: str, sender: Sender) -> None:
    assert send(sender, request(url)).error_kind is ErrorKind.URL


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"])
def test_connection_that_ends_too_early_is_a_closed_error(reply: bytes, sender: Sender, start: Start) -> None:
    def breaking(_endpoint: Endpoint, connection: socket.socket, _received: Received) -> bool:
        connection.sendall(reply)
        connection.shutdown(socket.SHUT_RDWR)
        return False

    exchange = send(sender, request(start(breaking).url()))
    assert (exchange.status, exchange.error_kind) == (None, ErrorKind.CLOSED)


@pytest.mark.parametrize(
    "reply", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/9.9 200 OK\r\n\r\n", b"220 mail ready\r\n", BAD_CHUNK]
)
def test_answer_that_is_not_http_is_a_protocol_error(reply: bytes, sender: Sender, start: Start) -> None:
    assert send(sender, request(start(reply).url())).error_kind is ErrorKind.PROTOCOL


def test_self_signed_certificate_is_a_tls_error(sender: Sender, start: Start, certificate: Path) -> None:
    endpoint = start(tls=secure(certificate))
    exchange = send(sender, request(endpoint.url()))
    assert exchange.error_kind is ErrorKind.TLS
    assert exchange.error is not None
    assert "certificate" in exchange.error
    assert endpoint.received == []


def test_certificate_for_another_host_is_a_tls_error(start: Start, certificate: Path) -> None:
    endpoint = start(tls=secure(certificate))
    with Sender(allowed_networks=LOOPBACK, ca_file=str(certificate)) as sender:
        assert send(sender, request(endpoint.url())).status == 200
        other = send(sender, request(endpoint.url().replace("127.0.0.1", "localhost")))
    assert other.error_kind is ErrorKind.TLS


def test_plain_answer_on_https_is_a_tls_error(sender: Sender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender.submit(request(f"https://127.0.0.1:{server.getsockname()[1]}/"))
        sender.wait(0)
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            (exchange,) = drain(sender)
    assert exchange.error_kind is ErrorKind.TLS
