"""What a watcher remembers of tokens, within bounds: verdicts that hold, tokens that nobody has, and what news forbids.

News and answers cross on their way. An answer carries the epoch of the database that it was given from, news the epoch
of the change that it tells of: an answer from before the news that concerns it is not remembered.
"""

from dataclasses import dataclass

from services.common.access.caller import Caller

MAX_KEPT = 50_000
MAX_ENDED = 10_000
MAX_UNKNOWN = 10_000
UNKNOWN_S = 60.0
"""How long a token is taken for unknown without asking again, if no token comes into being before."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A verdict in memory."""

    caller: Caller
    until: float
    """By the watcher's clock, in seconds."""


class Memory:
    """The memory of one watcher. Tokens stand in it as digests; what they are digests by is the watcher's matter."""

    def __init__(self) -> None:
        self._kept: dict[bytes, Kept] = {}
        self._tokens: dict[str, set[bytes]] = {}
        """By principal: what to drop when it changes."""
        self._ended: dict[str, int] = {}
        """Epochs of changes, by principal: verdicts from before do not count."""
        self._unknown: dict[bytes, float] = {}
        """Tokens that nobody has, and until when that is believed."""
        self._floor = 0
        """Verdicts of an epoch before this one do not count, whoever they are about."""
        self._created = 0
        """The epoch at which a token last came into being: what was unknown before may be known now."""

    def find(self, token: bytes, now: float) -> Kept | None:
        """The verdict on a token, if it is remembered and holds at `now`."""
        kept = self._kept.get(token)
        return kept if kept is not None and now < kept.until else None

    def is_unknown(self, token: bytes, now: float) -> bool:
        """Whether nobody has this token, as far as is remembered."""
        return now < self._unknown.get(token, 0.0)

    def keep(self, token: bytes, kept: Kept, epoch: int) -> bool:
        """Remembers a verdict of this epoch; False if news that came meanwhile may have changed it."""
        principal = kept.caller.principal
        if epoch < max(self._floor, self._ended.get(principal, 0)):
            return False
        if token in self._kept:
            self._drop(token)
        if len(self._kept) >= MAX_KEPT:
            self._drop(next(iter(self._kept)))  # the one that has been here longest
        self._kept[token] = kept
        self._tokens.setdefault(principal, set()).add(token)
        return True

    def keep_unknown(self, token: bytes, epoch: int, now: float) -> None:
        """Remembers that at this epoch nobody had the token, unless some token has come into being since."""
        if epoch < max(self._created, self._floor):
            return
        if len(self._unknown) >= MAX_UNKNOWN:
            del self._unknown[next(iter(self._unknown))]
        self._unknown[token] = now + UNKNOWN_S

    def end(self, principal: str, epoch: int) -> None:
        """Drops what is known of a principal, and refuses to learn it from before `epoch`."""
        for token in self._tokens.pop(principal, ()):
            del self._kept[token]
        if len(self._ended) >= MAX_ENDED:
            self._ended.clear()
            self._floor = epoch
        self._ended[principal] = epoch

    def begin_tokens(self, epoch: int) -> None:
        """Forgets which tokens are unknown: at `epoch` one has come into being."""
        self._unknown.clear()
        self._created = max(self._created, epoch)

    def begin_anew(self, epoch: int) -> None:
        """Forgets everything, and learns nothing from before `epoch`."""
        for each in (self._kept, self._tokens, self._ended, self._unknown):
            each.clear()
        self._floor = self._created = epoch

    def _drop(self, token: bytes) -> None:
        principal = self._kept.pop(token).caller.principal
        tokens = self._tokens[principal]
        tokens.discard(token)
        if not tokens:
            del self._tokens[principal]
