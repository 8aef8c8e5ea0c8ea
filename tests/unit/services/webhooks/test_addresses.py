"""Which addresses a webhook may be sent to: a corpus of forms, and bounds that hold for every address."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.addresses import refusal

REFUSED = [
    ("0.0.0.0", "unspecified"),  # noqa: S104  (an address to refuse, not to bind)
    ("0.1.2.3", "this network"),
    ("10.0.0.0", "private"),
    ("10.0.0.5", "private"),
    ("10.255.255.255", "private"),
    ("100.64.0.0", "carrier-grade NAT"),
    ("100.127.255.255", "carrier-grade NAT"),
    ("100.100.100.200", "metadata"),
    ("127.0.0.1", "loopback"),
    ("127.0.0.53", "loopback"),
    ("127.255.255.255", "loopback"),
    ("168.63.129.16", "metadata"),
    ("169.254.0.1", "link-local"),
    ("169.254.169.254", "metadata"),
    ("169.254.170.2", "metadata"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private"),
    ("192.0.0.1", "reserved"),
    ("192.0.0.192", "metadata"),
    ("192.0.2.1", "documentation"),
    ("192.88.99.1", "6to4"),
    ("192.168.0.1", "private"),
    ("192.168.255.255", "private"),
    ("198.18.0.1", "benchmarking"),
    ("198.19.255.255", "benchmarking"),
    ("198.51.100.7", "documentation"),
    ("203.0.113.7", "documentation"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.250", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.254", "reserved"),
    ("255.255.255.255", "broadcast"),
    ("::", "unspecified"),
    ("0:0:0:0:0:0:0:0", "unspecified"),
    ("::1", "loopback"),
    ("0000:0000:0000:0000:0000:0000:0000:0001", "loopback"),
    ("::7f00:1", "IPv4-compatible"),
    ("::127.0.0.1", "IPv4-compatible"),
    ("::ffff:127.0.0.1", "IPv4-mapped"),
    ("::ffff:7f00:1", "IPv4-mapped"),
    ("::FFFF:10.0.0.5", "IPv4-mapped"),
    ("::ffff:8.8.8.8", "IPv4-mapped"),
    ("::ffff:0:127.0.0.1", "IPv4-translated"),
    ("64:ff9b::127.0.0.1", "NAT64"),
    ("64:ff9b::a9fe:a9fe", "NAT64"),
    ("64:ff9b::8.8.8.8", "NAT64"),
    ("64:ff9b:1::10.0.0.5", "NAT64"),
    ("64:ff9b:1:ffff::1", "NAT64"),
    ("100::1", "discard"),
    ("2001::1", "Teredo"),
    ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "Teredo"),
    ("2001:2::1", "benchmarking"),
    ("2001:10::1", "reserved"),
    ("2001:db8::1", "documentation"),
    ("2002:7f00:1::", "6to4"),
    ("2002:a00:5::1", "6to4"),
    ("2002:808:808::1", "6to4"),
    ("3fff::1", "documentation"),
    ("2606:4700::5efe:10.0.0.5", "ISATAP"),
    ("2606:4700::200:5efe:8.8.8.8", "ISATAP"),
    ("4000::1", "reserved"),
    ("5f00::1", "reserved"),
    ("fc00::1", "private"),
    ("fd00::1", "private"),
    ("fd00:ec2::254", "metadata"),
    ("fd20:ce::254", "metadata"),
    ("fe80::1", "link-local"),
    ("fe80::1%eth0", "link-local"),
    ("fe80::1%1", "link-local"),
    ("febf::1", "link-local"),
    ("fec0::1", "site-local"),
    ("ff02::1", "multicast"),
    ("ff02::1%eth0", "multicast"),
    ("::1%lo", "loopback"),
]
NO_ADDRESS = [
    "",
    "localhost",
    "127.1",
    "2130706433",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "127.0.0.1:80",
    "127.0.0.1 ",
    "1.2.3.4.5",
    "[::1]",
    "%eth0",
    "8.8.8.8/32",
    "８.8.8.8",
]
PERMITTED = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.17",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2606:4700:4700::1111",
    "2a00:1450:4003:80d::200e",
]


@pytest.mark.parametrize(("address", "reason"), REFUSED)
def test_denied_address_is_refused_with_its_reason(address: str, reason: str) -> None:
    said = refusal(address, [])
    assert said is not None
    assert reason in said


@pytest.mark.parametrize("address", NO_ADDRESS)
def test_what_is_not_an_address_is_refused(address: str) -> None:
    assert refusal(address, [ip_network("0.0.0.0/0"), ip_network("::/0")]) == f"{address} is not an IP address"


@pytest.mark.parametrize("address", PERMITTED)
def test_public_address_is_permitted(address: str) -> None:
    assert refusal(address, []) is None


def test_reason_is_a_sentence_for_the_delivery_log() -> None:
    assert refusal("10.0.0.5", []) == "10.0.0.5 is a private address"


def test_allowed_block_excepts_its_own_addresses_and_no_others() -> None:
    allowed = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
    assert refusal("127.0.0.1", allowed) is None
    assert refusal("::1", allowed) is None
    assert refusal("10.0.0.5", allowed) is not None
    assert refusal("fe80::1", allowed) is not None


@pytest.mark.parametrize("address", ["::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::"])
def test_allowed_ipv4_block_does_not_reach_into_ipv6_forms(address: str) -> None:
    assert refusal(address, [ip_network("127.0.0.0/8")]) is not None


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6))
def test_nothing_that_python_calls_not_global_is_permitted(address: IPv4Address | IPv6Address) -> None:
    # An independent list: the registries as the standard library has them.
    if not address.is_global or address.is_multicast:
        assert refusal(str(address), []) is not None


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "::{}", "64:ff9b::{}", "::ffff:0:{}", "64:ff9b:1::{}"]))
def test_no_embedded_ipv4_address_is_permitted(address: IPv4Address, form: str) -> None:
    assert refusal(form.format(address), []) is not None
