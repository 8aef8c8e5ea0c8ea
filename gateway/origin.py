"""For whom the gateway speaks: the client's address and program, told to the services under the gateway's own word."""

from starlette.requests import Request

from services.common.access import service_identity
from services.common.access.origin import ADDRESS_HEADER, AGENT_HEADER, GATEWAY_HEADER, parse_address, printable

MAX_HOPS = 30
"""Of X-Forwarded-For; what stands further left was written by whoever wanted to."""


class Origins:
    """Tells where requests come from. `trusted_proxies` of ours stand in front, each of which names its client."""

    def __init__(self, service_secret: str, trusted_proxies: int) -> None:
        self._word = service_identity.token_for("gateway", service_secret)
        self._trusted_proxies = trusted_proxies

    def metadata(self, request: Request) -> list[tuple[str, str | bytes]]:
        """What the services are told."""
        return [
            (GATEWAY_HEADER, self._word),
            (ADDRESS_HEADER, self.address(request)),
            (AGENT_HEADER, printable(request.headers.get("user-agent", ""))),
        ]

    def address(self, request: Request) -> str:
        """The client's address; empty if there is none.

        Each proxy adds the address that it was called from on the right, so only as many entries count, from the
        right, as there are proxies of ours: what a client writes itself stands left of them.
        """
        peer = request.client.host if request.client else ""
        if not self._trusted_proxies:
            return str(parse_address(peer) or "")
        forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")[-MAX_HOPS:]
        hops = [*map(_hop, forwarded), peer] if forwarded != [""] else [peer]
        # One that cannot be read is nobody's address: to look further left would be to believe the client.
        return str(parse_address(hops[max(0, len(hops) - 1 - self._trusted_proxies)]) or "")


def _hop(entry: str) -> str:
    """An entry of X-Forwarded-For without the port that some proxies write: "192.0.2.1:80", "[2001:db8::1]:80"."""
    entry = entry.strip()
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry
