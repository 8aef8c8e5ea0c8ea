"""Where a call comes from: networks are compared as networks, and only the gateway is believed about others."""

from ipaddress import ip_network

import pytest

from services.common.access.origin import (
    ADDRESS_HEADER,
    AGENT_HEADER,
    MAX_AGENT,
    Origin,
    lies_within,
    origin_of,
    parse_address,
    parse_network,
)

CLAIM: dict[str, str | bytes] = {ADDRESS_HEADER: "203.0.113.7", AGENT_HEADER: "Shop/1", "user-agent": "grpc/1"}


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.1:5000", "192.0.2.1"),
        ("ipv6:[2001:db8::1]:5000", "2001:db8::1"),
        ("ipv6:%5B2001:db8::1%5D:5000", "2001:db8::1"),
        ("ipv6:%5B::ffff:192.0.2.1%5D:5000", "192.0.2.1"),
        ("ipv6:%5Bfe80::1%25eth0%5D:5000", "fe80::1"),
        ("unix:/run/sedifex.sock", ""),
        ("", ""),
    ],
)
def test_a_stranger_is_where_its_connection_comes_from_whatever_it_claims(peer: str, address: str) -> None:
    assert origin_of(peer, CLAIM, vouched=False) == Origin(address, "grpc/1")


def test_the_gateway_is_believed() -> None:
    assert origin_of("ipv4:127.0.0.1:5000", CLAIM, vouched=True) == Origin("203.0.113.7", "Shop/1")


@pytest.mark.parametrize("claim", ["", "unknown", "203.0.113.7:80", "1.2.3", "evil\n"])
def test_what_the_gateway_cannot_tell_is_nobodys_address(claim: str) -> None:
    assert origin_of("ipv4:127.0.0.1:5000", {ADDRESS_HEADER: claim}, vouched=True).address == ""


def test_what_a_program_calls_itself_is_made_fit_for_the_record() -> None:
    agent = origin_of("", {"user-agent": "Shop\x1b[31m/1 " + "é" + "x" * 500}, vouched=False).agent
    assert agent.startswith("Shop[31m/1 xxx")
    assert len(agent) == MAX_AGENT


@pytest.mark.parametrize(
    ("address", "network", "within"),
    [
        ("10.0.0.1", "10.0.0.0/24", True),
        ("10.0.0.10", "10.0.0.1/32", False),  # as text it would begin alike
        ("10.0.1.1", "10.0.0.0/24", False),
        ("110.0.0.1", "10.0.0.0/8", False),
        ("2001:db8::1", "2001:db8::/32", True),
        ("2001:0db8:0:0::1", "2001:db8::1/128", True),
        ("::ffff:10.0.0.1", "10.0.0.0/24", True),  # IPv4 in the guise of IPv6
        ("::ffff:10.0.0.1", "::/0", False),
        ("10.0.0.1", "::/0", False),
        ("2001:db8::1", "0.0.0.0/0", False),
        ("", "0.0.0.0/0", False),
        ("10.0.0.1, 192.0.2.1", "10.0.0.0/24", False),
    ],
)
def test_an_address_lies_within_a_network_or_not(address: str, network: str, within: bool) -> None:
    assert lies_within(address, (ip_network("198.51.100.0/24"), parse_network(network))) is within


def test_a_scope_is_no_part_of_an_address() -> None:
    assert str(parse_address("fe80::1%eth0")) == "fe80::1"
