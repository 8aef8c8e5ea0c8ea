"""Which IP addresses a webhook may be sent to.

A partner chooses the URL, so without this the worker would be their browser inside our network (server-side request
forgery). IPv4 is refused by the IANA special-purpose registry (RFC 6890 and its successors). IPv6 is the other way
round: only global unicast, 2000::/3, is routed at all, so everything outside it is refused and the special blocks
inside it too. Forms that carry an IPv4 address within an IPv6 one are refused outright, whatever they carry: no
honest endpoint needs them, and each is another spelling by which 10.0.0.5 could pass.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

# The first entry that holds the address names the reason, so the particular stand before the general.
_DENIED: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/32", "the unspecified address"),
    ("0.0.0.0/8", "an address of “this network”"),
    ("10.0.0.0/8", "a private address"),
    ("100.100.100.200/32", "a cloud metadata address"),  # Alibaba Cloud
    ("100.64.0.0/10", "a carrier-grade NAT address"),
    ("127.0.0.0/8", "a loopback address"),
    ("168.63.129.16/32", "a cloud metadata address"),  # Azure's host agent: public in form, local in fact
    ("169.254.169.254/32", "a cloud metadata address"),
    ("169.254.170.2/32", "a cloud metadata address"),  # Amazon ECS task credentials
    ("169.254.0.0/16", "a link-local address"),
    ("172.16.0.0/12", "a private address"),
    ("192.0.0.192/32", "a cloud metadata address"),  # Oracle Cloud
    ("192.0.0.0/24", "an address reserved for protocols"),
    ("192.0.2.0/24", "a documentation address"),
    ("192.88.99.0/24", "a 6to4 relay address"),
    ("192.168.0.0/16", "a private address"),
    ("198.18.0.0/15", "a benchmarking address"),
    ("198.51.100.0/24", "a documentation address"),
    ("203.0.113.0/24", "a documentation address"),
    ("224.0.0.0/4", "a multicast address"),
    ("255.255.255.255/32", "the broadcast address"),
    ("240.0.0.0/4", "a reserved address"),
    ("::/128", "the unspecified address"),
    ("::1/128", "a loopback address"),
    ("::ffff:0:0/96", "an IPv4-mapped address"),
    ("::ffff:0:0:0/96", "an IPv4-translated address"),
    ("::/96", "an IPv4-compatible address"),
    ("64:ff9b::/96", "a NAT64 address"),
    ("64:ff9b:1::/48", "a NAT64 address"),
    ("100::/64", "a discard-only address"),
    ("2001::/32", "a Teredo address"),
    ("2001:2::/48", "a benchmarking address"),
    ("2001::/23", "an address reserved for protocols"),
    ("2001:db8::/32", "a documentation address"),
    ("2002::/16", "a 6to4 address"),
    ("3fff::/20", "a documentation address"),
    ("fd00:ec2::254/128", "a cloud metadata address"),  # Amazon EC2
    ("fd20:ce::254/128", "a cloud metadata address"),  # Google Cloud
    ("fc00::/7", "a private address"),
    ("fe80::/10", "a link-local address"),
    ("fec0::/10", "a site-local address"),
    ("ff00::/8", "a multicast address"),
)
_DENIED_NETWORKS: tuple[tuple[Network, str], ...] = tuple((ip_network(block), why) for block, why in _DENIED)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# An ISATAP interface identifier (RFC 5214) ends in 5efe + an IPv4 address, under any prefix at all.
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)


def refusal(address: str, allowed: Sequence[Network]) -> str | None:
    """Say why ``address`` may not be sent to, such as “10.0.0.5 is a private address”; None if it may.

    ``address`` is an IP address as text, an IPv6 scope id (``%eth0``) included; text that is no address is refused.
    ``allowed`` are the explicit exceptions of a development set-up, such as 127.0.0.0/8; an exception for an IPv4
    block does not reach the same address inside an IPv6 form.
    """
    bare, _, _ = address.partition("%")
    try:
        parsed = ip_address(bare)
    except ValueError:
        return f"{address} is not an IP address"
    if any(parsed in network for network in allowed):
        return None
    why = _find_reason(parsed)
    return None if why is None else f"{parsed} is {why}"


def _find_reason(address: IPv4Address | IPv6Address) -> str | None:
    for network, why in _DENIED_NETWORKS:
        if address in network:
            return why
    if isinstance(address, IPv4Address):
        return None
    if address not in _GLOBAL_UNICAST:
        return "a reserved address"
    if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
        return "an ISATAP address"
    return None
