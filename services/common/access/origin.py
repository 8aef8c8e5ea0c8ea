"""Where a call comes from: the address and the program of the client, as far as they can be believed.

Behind the gateway every call comes from the gateway. It says for whom in metadata, and proves who it is by its service
token; from anybody else these words count for nothing, and the address is that of the connection.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import unquote

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

GATEWAY_HEADER = "x-sedifex-gateway"
ADDRESS_HEADER = "x-sedifex-client-address"
AGENT_HEADER = "x-sedifex-client-agent"
MAX_AGENT = 200


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call comes from."""

    address: str = ""
    """The client's IP address in its one canonical form; empty: not known, or Sedifex itself."""
    agent: str = ""
    """The program, as it names itself: a word to recognise it by, no proof of anything."""


NOWHERE = Origin()

_current: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


def set_origin(origin: Origin) -> None:
    """Makes `origin` the one of this call. The access interceptor does so, nobody else."""
    _current.set(origin)


def current_origin() -> Origin:
    """Where this call comes from."""
    return _current.get()


def origin_of(peer: str, metadata: Mapping[str, str | bytes], *, vouched: bool) -> Origin:
    """The origin of a call from `peer` (gRPC's word for the other end); `vouched`: the gateway speaks for a client."""
    if vouched:
        address = parse_address(str(metadata.get(ADDRESS_HEADER, "")))
        return Origin(str(address or ""), printable(metadata.get(AGENT_HEADER, "")))
    return Origin(_address_of_peer(peer), printable(metadata.get("user-agent", "")))


@lru_cache(maxsize=8_192)  # asked several times for each call, and most calls come from few addresses
def parse_address(text: str) -> Address | None:
    """An IP address; None if it is none. IPv4 that is wrapped in IPv6 is IPv4, and a scope is no part of it."""
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def parse_network(text: str) -> Network:
    """A network in CIDR notation, or a single address as the network that holds it alone.

    Raises:
        ValueError: it is neither, or has bits beyond its prefix; the message says which.
    """
    network = ip_network(text)
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is not None and network.prefixlen >= 96:
        return ip_network((mapped, network.prefixlen - 96))
    return network


def lies_within(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether the address is in one of the networks; an unknown one is in none."""
    parsed = parse_address(address)
    return parsed is not None and any(parsed in network for network in networks)


def printable(text: str | bytes) -> str:
    """What a program calls itself, made fit for the record."""
    return "".join(each for each in str(text) if " " <= each <= "~")[:MAX_AGENT]


def _address_of_peer(peer: str) -> str:
    """'ipv4:192.0.2.1:5000' -> '192.0.2.1', 'ipv6:%5B2001:db8::1%5D:5000' -> '2001:db8::1'; others have none."""
    family, _, rest = peer.partition(":")
    if family not in {"ipv4", "ipv6"}:
        return ""
    return str(parse_address(unquote(rest).rpartition(":")[0].strip("[]")) or "")
