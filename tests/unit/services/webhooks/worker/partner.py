"""A partner's endpoint for the sender's tests: a real server on a real socket, whose manners a test chooses."""

import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.webhooks.worker.sender import Exchange, Request, Sender

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]
PATIENCE = 60.0  # seconds that no test here is meant to use up
FEW = 0.3  # seconds, for the tests in which a limit is to strike
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n" + b'{"ok":true}'


@dataclass(frozen=True)
class Received:
    """One request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Endpoint:
    """Answers every request by ``answer(connection, received)``, which returns whether to keep the connection."""

    answer: Callable[["Endpoint", socket.socket, Received], bool]
    tls: ssl.SSLContext | None = None
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    closing: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self.port: int = self._listener.getsockname()[1]
        self._spawn(self._accept)

    def url(self, path: str = "/hook") -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        self.closing.set()
        # shutdown, not close: close would leave a thread blocked in accept or recv.
        for one in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join()
        self._listener.close()

    def _spawn(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            self._spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        # ssl and reset errors are the client's doing; what it made of them is what the tests look at.
        with contextlib.suppress(OSError), connection:
            if self.tls is None:
                self._talk(connection)
                return
            with self.tls.wrap_socket(connection, server_side=True) as secure:
                self._open.add(secure)
                self._talk(secure)

    def _talk(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        with stream:
            while line := stream.readline():
                headers: dict[str, str] = {}
                while (header := stream.readline().decode()) not in {"\r\n", ""}:
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                body = stream.read(int(headers.get("content-length", "0")))
                received = Received(line.decode().strip(), headers, body)
                self.received.append(received)
                if not self.answer(self, connection, received):
                    return


def answering(reply: bytes, *, keep: bool = True) -> Callable[[Endpoint, socket.socket, Received], bool]:
    def answer(_endpoint: Endpoint, connection: socket.socket, _received: Received) -> bool:
        connection.sendall(reply)
        return keep

    return answer


Start = Callable[..., Endpoint]


def hang(endpoint: Endpoint, _connection: socket.socket, _received: Received) -> bool:
    endpoint.closing.wait()
    return False


def drip(endpoint: Endpoint, connection: socket.socket, _received: Received) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not endpoint.closing.wait(0.01):
        connection.sendall(b".")
    return False


def secure(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def request(url: str, token: Any = None, body: bytes = b"{}", headers: dict[str, str] | None = None) -> Request:
    return Request(token, url, headers or {}, body)


def drain(sender: Sender) -> list[Exchange]:
    exchanges: list[Exchange] = []
    while sender.in_flight:
        exchanges += sender.wait(PATIENCE)
    return exchanges


def send(sender: Sender, one: Request) -> Exchange:
    sender.submit(one)
    (exchange,) = drain(sender)
    return exchange
