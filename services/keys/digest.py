"""What is kept of a token: HMAC-SHA256 under a pepper that is not in the database.

No slow hash is needed: 190 random bits cannot be guessed, and a slow one would let a flood of wrong tokens stop the
service. The pepper's version stands beside each digest, so that a new pepper can be brought in while the old one holds.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from services.common.settings import VersionedSecret


@dataclass(frozen=True)
class Digest:
    """The digest of a token, 32 bytes, and the version of the pepper that it was made with."""

    value: bytes
    pepper_version: int


class Digester:
    """Makes digests under a list of peppers, the first for what is new."""

    def __init__(self, peppers: Sequence[VersionedSecret]) -> None:
        self._peppers = list(peppers)

    @property
    def version(self) -> int:
        """Of the pepper for what is new."""
        return self._peppers[0].version

    @property
    def versions(self) -> frozenset[int]:
        """Of all peppers: a digest of another version is nobody's."""
        return frozenset(each.version for each in self._peppers)

    def new(self, token: str) -> Digest:
        """The digest to keep of a new token."""
        return self._under(self._peppers[0], token)

    def candidates(self, token: str) -> list[Digest]:
        """Every digest under which the token may have been kept; the first is the one to keep."""
        return [self._under(pepper, token) for pepper in self._peppers]

    @staticmethod
    def _under(pepper: VersionedSecret, token: str) -> Digest:
        return Digest(hmac.new(pepper.secret, token.encode(), hashlib.sha256).digest(), pepper.version)


def is_one_of(stored: bytes, digests: Sequence[Digest]) -> bool:
    """Compares in constant time, whatever the index look-up let through and however long that took."""
    return sum(hmac.compare_digest(stored, each.value) for each in digests) > 0
