"""The address check where libcurl opens its sockets, with libcurl itself and a listener that must hear nothing."""

import contextlib
import socket
from collections.abc import Iterator
from ipaddress import ip_network

import pycurl
import pytest

from services.webhooks.addresses import Network
from services.webhooks.worker.guard import opener


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Listens on loopback, IPv4 and IPv6 alike, and lets a connect succeed before anyone accepts it."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        server.setblocking(False)
        yield server


def call(url: str, allowed: list[Network], resolve: list[str] | None = None) -> list[str]:
    """Let libcurl connect to the URL; give the reasons of every refusal."""
    reasons: list[str] = []
    easy = pycurl.Curl()
    easy.setopt(pycurl.URL, url)
    easy.setopt(pycurl.CONNECT_ONLY, 1)
    easy.setopt(pycurl.PROXY, "")
    easy.setopt(pycurl.NOSIGNAL, 1)
    easy.setopt(pycurl.RESOLVE, resolve or [])
    easy.setopt(pycurl.OPENSOCKETFUNCTION, opener(allowed, reasons.append))
    # What libcurl makes of it is told by the reasons and by what the listener heard.
    with contextlib.closing(easy), contextlib.suppress(pycurl.error):
        easy.perform()
    return reasons


def heard(listener: socket.socket) -> bool:
    try:
        connection, _ = listener.accept()
    except BlockingIOError:
        return False
    connection.close()
    return True


HOSTS = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0177.0.0.1",
    "0x7f.1",
    "127.0.0.1.",
    "localhost",
    "0.0.0.0",  # noqa: S104  (an address to refuse, not to bind)
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "%31%32%37.0.0.1",
]


@pytest.mark.parametrize("host", HOSTS)
def test_no_spelling_of_this_machine_reaches_a_listener(host: str, listener: socket.socket) -> None:
    reasons = call(f"http://{host}:{listener.getsockname()[1]}/", [])
    assert not heard(listener)
    assert reasons


def test_listener_would_have_heard_an_allowed_connection(listener: socket.socket) -> None:
    assert call(f"http://127.0.0.1:{listener.getsockname()[1]}/", [ip_network("127.0.0.0/8")]) == []
    assert heard(listener)


def test_public_name_that_resolves_to_loopback_is_refused(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    reasons = call(f"http://shop.example:{port}/", [], [f"shop.example:{port}:127.0.0.1,[::1]"])
    assert not heard(listener)
    assert sorted(reasons) == ["127.0.0.1 is a loopback address", "::1 is a loopback address"]


def test_allowed_address_among_refused_ones_is_used(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    resolve = [f"shop.example:{port}:10.0.0.5,127.0.0.1"]
    assert call(f"http://shop.example:{port}/", [ip_network("127.0.0.0/8")], resolve) == [
        "10.0.0.5 is a private address"
    ]
    assert heard(listener)


def test_other_kinds_of_socket_are_refused() -> None:
    reasons: list[str] = []
    open_socket = opener([ip_network("0.0.0.0/0")], reasons.append)
    unix = (socket.AF_UNIX, socket.SOCK_STREAM, 0, b"/run/service.sock")
    tcp = (socket.AF_INET, socket.SOCK_STREAM, 0, ("8.8.8.8", 443))
    assert open_socket(pycurl.SOCKTYPE_IPCXN, unix) == pycurl.SOCKET_BAD
    assert open_socket(pycurl.SOCKTYPE_ACCEPT, tcp) == pycurl.SOCKET_BAD
    assert reasons == ["only TCP over IPv4 or IPv6 is used"] * 2


def test_system_without_the_address_family_is_no_crash() -> None:
    reasons: list[str] = []
    impossible = (socket.AF_INET, socket.SOCK_STREAM, 255, ("8.8.8.8", 443))
    assert opener([], reasons.append)(pycurl.SOCKTYPE_IPCXN, impossible) == pycurl.SOCKET_BAD
    assert reasons == []
