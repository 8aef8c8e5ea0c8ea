"""A relay in front of a service that hangs up on the first who call."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

ACCEPT_S = 0.2
PIECE = 65_536


@dataclass
class Relay:
    """A relay that listens."""

    address: str
    hung_up_on: int = 0


@contextmanager
def relaying(to: str, hang_up_on: int) -> Iterator[Relay]:
    """Relays to "host:port" while the context lasts. Hangs up on the first `hang_up_on` that call."""
    stop = threading.Event()
    open_sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(ACCEPT_S)
        relay = Relay(f"127.0.0.1:{listener.getsockname()[1]}")

        def accept() -> None:
            while not stop.is_set():
                with suppress(TimeoutError):
                    caller, _ = listener.accept()
                    if relay.hung_up_on < hang_up_on:
                        relay.hung_up_on += 1
                        caller.close()
                        continue
                    caller.settimeout(None)
                    begin(caller)

        def begin(caller: socket.socket) -> None:
            host, _, port = to.rpartition(":")
            service = socket.create_connection((host, int(port)))
            open_sockets.extend((caller, service))
            for source, target in ((caller, service), (service, caller)):
                threads.append(threading.Thread(target=_pass_on, args=(source, target)))
                threads[-1].start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield relay
        finally:
            stop.set()
            acceptor.join()
            for each in open_sockets:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()
            for each in open_sockets:
                each.close()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
