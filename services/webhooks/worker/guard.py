"""The address check at the moment the socket is opened.

A check before the request would see one DNS answer and libcurl perhaps another (DNS rebinding). Here libcurl hands
over the very address that it is about to connect to, after resolving and for every address that it tries, and a
refused one gets no socket: not a single packet leaves. A reused connection was opened through the same check.
"""

import socket
from collections.abc import Callable, Sequence
from typing import Any

import pycurl

from services.webhooks.addresses import Network, refusal

# (family, type, protocol, address), where address is (host, port) or (host, port, flow, scope).
SocketAddress = tuple[int, int, int, tuple[Any, ...] | bytes]
OpenSocket = Callable[[int, SocketAddress], int]

_FAMILIES = (socket.AF_INET, socket.AF_INET6)


def opener(allowed: Sequence[Network], refused: Callable[[str], None]) -> OpenSocket:
    """Make libcurl's OPENSOCKETFUNCTION.

    ``refused`` is called with the reason for every address that is turned away, such as “10.0.0.5 is a private
    address”, so that the attempt can tell the partner. ``allowed``: see addresses.refusal.
    """

    def open_socket(purpose: int, address: SocketAddress) -> int:
        family, kind, protocol, target = address
        reason = _find_refusal(purpose, family, target, allowed)
        if reason is not None:
            refused(reason)
            return int(pycurl.SOCKET_BAD)
        try:
            # detach: from here on libcurl owns the descriptor and closes it.
            return socket.socket(family, kind, protocol).detach()
        except OSError:
            # Out of descriptors, or no IPv6 here: libcurl tries its next address or reports that it cannot connect.
            return int(pycurl.SOCKET_BAD)

    return open_socket


def _find_refusal(purpose: int, family: int, target: tuple[Any, ...] | bytes, allowed: Sequence[Network]) -> str | None:
    # Not only unknown addresses but unknown kinds of socket: a UNIX path or an FTP data channel is no webhook.
    if purpose != pycurl.SOCKTYPE_IPCXN or family not in _FAMILIES or isinstance(target, bytes):
        return "only TCP over IPv4 or IPv6 is used"
    return refusal(str(target[0]), allowed)
