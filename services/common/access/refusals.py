"""How many credentials that nobody accepts an address may try: a flood of wrong ones must not reach the database.

Credentials that are accepted and in memory pass whatever their address has done, so a shop behind the same address as a
badly set-up program goes on.
"""

from functools import lru_cache
from ipaddress import IPv6Address, ip_network

from services.common.access.origin import parse_address
from services.common.errors import Exhausted

MAX_ADDRESSES = 10_000


class Refusals:
    """A bucket of tries for each address, which fills again at `per_minute` a minute and holds a minute's worth."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: dict[str, tuple[float, float]] = {}
        """Tries left, and when that was."""

    def check(self, address: str, now: float) -> None:
        """Lets an address try a credential at `now`, in seconds by a clock that is never set.

        Raises:
            Exhausted: it has tried too many wrong ones; the error says when to try again.
        """
        if not self._buckets:
            return
        left = self._left(block_of(address), now)
        if left < 1:
            raise Exhausted(
                "Too many credentials from this address were not accepted. Wait, then check the API key.",
                reason="TOO_MANY_REFUSALS",
                retry_after=(1 - left) * 60 / self._per_minute,
            )

    def note(self, address: str, now: float) -> None:
        """Notes that an address has tried one at `now` that was not accepted."""
        block = block_of(address)
        left = self._left(block, now)
        self._buckets.pop(block, None)
        if len(self._buckets) >= MAX_ADDRESSES:
            del self._buckets[next(iter(self._buckets))]  # the one that has been quiet longest
        self._buckets[block] = (max(0.0, left - 1), now)

    def _left(self, block: str, now: float) -> float:
        left, then = self._buckets.get(block, (float(self._per_minute), now))
        return min(self._per_minute, left + (now - then) * self._per_minute / 60)


@lru_cache(maxsize=8_192)
def block_of(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 one, which is what a single host is given."""
    parsed = parse_address(address)
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else address
