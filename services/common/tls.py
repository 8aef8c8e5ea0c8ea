"""The ports and the channels by which Sedifex's processes speak to each other: over mutual TLS, where it is set.

A server shows its certificate and demands one of whoever calls; both must have been issued by one of the roots, and the
server's must bear the name by which it was called. New certificates are used without a restart: by servers for the
connections that come, by clients for new channels, which take the place of those before.
"""

import ipaddress
import logging
import math
from collections.abc import Sequence
from typing import Any

import grpc

from services.common import metrics
from services.common.certificates import Files, Identity, Material
from services.common.renewed_channel import RenewedChannel
from services.common.settings import Settings

log = logging.getLogger(__name__)

Options = Sequence[tuple[str, Any]]
Interceptors = Sequence[grpc.aio.ClientInterceptor]


def configure(settings: Settings) -> None:
    """Shows when this process's certificate ends."""
    shown = metrics.CERTIFICATE_EXPIRES
    shown.set_function(Identity.of(settings.tls).expires if settings.tls else lambda: math.nan)
    metrics.show(shown)


def warn_of_plaintext(settings: Settings, address: str) -> None:
    """Says so in the log if what is listened to at this address in production can be read on the way."""
    if settings.tls is None and settings.mode == "production" and not _is_on_this_machine(address):
        log.warning(
            "listening without TLS to others than this machine: whoever is on the network between can read keys and "
            "secrets; set SEDIFEX_TLS_CERTIFICATE, SEDIFEX_TLS_KEY and SEDIFEX_TLS_ROOTS",
            extra={"address": address},
        )


def add_port(server: grpc.aio.Server, address: str, files: Files | None) -> int:
    """Has a server listen at "host:port"; gives the port. Without files it speaks plaintext.

    Raises:
        RuntimeError: the address cannot be listened on.
    """
    if files is None:
        return server.add_insecure_port(address)
    return server.add_secure_port(address, _server_credentials(Identity.of(files)))


def channel(
    address: str, files: Files | None, *, options: Options = (), interceptors: Interceptors = ()
) -> grpc.aio.Channel:
    """A channel to a process of ours. Without files it speaks plaintext.

    Args:
        address: "host:port", or as https://github.com/grpc/grpc/blob/master/doc/naming.md has it, like
            "dns:///keys:50051". Its host is the name that the certificate must bear. Of a list ("ipv4:…,…") it is the
            first one's: gRPC gives a channel one name.
    """
    if files is None:
        return grpc.aio.insecure_channel(address, options=options, interceptors=interceptors)
    identity = Identity.of(files)
    named = [*options, *_name_of_list(address)]

    def make(material: Material) -> grpc.aio.Channel:
        credentials = grpc.ssl_channel_credentials(material.roots, material.key, material.chain)
        return grpc.aio.secure_channel(address, credentials, options=named, interceptors=interceptors)

    return RenewedChannel(identity, make)


def _server_credentials(identity: Identity) -> grpc.ServerCredentials:
    shown = identity.current()

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal shown  # gRPC asks at every handshake
        if (current := identity.current()) is shown:
            return None
        shown = current
        return _configuration(current)

    initial = _configuration(shown)
    # gRPC takes None for "as before", its types do not know it.
    return grpc.dynamic_ssl_server_credentials(initial, renewed, require_client_authentication=True)  # type: ignore[arg-type]


def _configuration(material: Material) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(material.key, material.chain)], material.roots)


def _name_of_list(address: str) -> Options:
    scheme, _, path = address.partition(":")
    if scheme not in {"ipv4", "ipv6"} or "," not in path:
        return ()
    return [("grpc.default_authority", path.partition(",")[0])]


def _is_on_this_machine(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or address.startswith("unix:")
