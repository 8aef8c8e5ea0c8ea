"""A relay in front of a service: it can speak TLS to the caller, and hang up on the first who call."""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ACCEPT_S = 0.2
PIECE = 65_536


@dataclass
class Relay:
    """A relay that listens."""

    address: str
    hung_up_on: int = 0


@contextmanager
def relaying(to: str, tls: ssl.SSLContext | None = None, hang_up_on: int = 0) -> Iterator[Relay]:
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
                    with suppress(OSError):  # a caller that does not like our certificate
                        begin(tls.wrap_socket(caller, server_side=True) if tls else caller)

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


@dataclass(frozen=True)
class Identity:
    """A certificate for 127.0.0.1 that vouches for itself, and its key: both in files, PEM."""

    chain: Path
    key: Path

    @classmethod
    def new(cls, folder: Path, name: str) -> "Identity":
        """Makes one that is good for an hour."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256())
        )
        made = cls(folder / f"{name}.pem", folder / f"{name}-key.pem")
        pem, traditional = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        made.chain.write_bytes(certificate.public_bytes(pem))
        made.key.write_bytes(key.private_bytes(pem, traditional, serialization.NoEncryption()))
        return made

    def server_context(self, *, wants: "Identity | None" = None) -> ssl.SSLContext:
        """TLS as a gRPC server speaks it with this identity; `wants`: whom callers must be."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        context.set_alpn_protocols(["h2"])
        if wants is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(wants.chain)
        return context
