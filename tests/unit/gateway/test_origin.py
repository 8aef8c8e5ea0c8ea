"""Whose address a request comes from, however many proxies stand in front and whatever a client writes."""

import pytest
from starlette.requests import Request

from gateway.origin import Origins

PEER = "192.0.2.9"


def _request(*forwarded: str, peer: str | None = PEER) -> Request:
    headers = [(b"x-forwarded-for", each.encode()) for each in forwarded]
    return Request({"type": "http", "headers": headers, "client": (peer, 5000) if peer else None})


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, [], PEER),
        (0, ["203.0.113.7"], PEER),  # nobody of ours wrote that
        (1, ["203.0.113.7"], "203.0.113.7"),
        (1, ["10.0.0.1, 203.0.113.7"], "203.0.113.7"),  # the client wrote the left one
        (1, ["10.0.0.1", "203.0.113.7"], "203.0.113.7"),
        (2, ["10.0.0.1, 203.0.113.7, 198.51.100.1"], "203.0.113.7"),
        (1, [], PEER),  # it did not come through the proxy
        (2, ["203.0.113.7"], "203.0.113.7"),
        (1, ["203.0.113.7:4711"], "203.0.113.7"),
        (1, ["[2001:db8::7]:4711"], "2001:db8::7"),
        (1, ["2001:db8::7"], "2001:db8::7"),
        (1, ["::ffff:203.0.113.7"], "203.0.113.7"),
        (1, ["10.0.0.1, unknown"], ""),  # not the one further left: the client wrote that
        (1, ["10.0.0.1, "], ""),
        (1, [",".join(["10.0.0.1"] * 5000) + ",203.0.113.7"], "203.0.113.7"),
    ],
)
def test_the_address_is_the_one_that_our_outermost_proxy_saw(proxies: int, forwarded: list[str], address: str) -> None:
    assert Origins("s" * 32, proxies).address(_request(*forwarded)) == address


def test_a_request_without_a_peer_has_no_address() -> None:
    assert Origins("s" * 32, 0).address(_request(peer=None)) == ""
