"""What is kept of a token: HMAC-SHA256 under a pepper that is not in the database.

No slow hash is needed: 190 random bits cannot be guessed, and a slow one would let a flood of wrong tokens stop the
service. The pepper's version stands beside each digest, so that a new pepper can be brought in while the old one holds.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

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


def matching(stored: bytes, digests: Sequence[Digest]) -> Digest | None:
    """That of the digests which is kept; None: none of them is.

    Compares with all, in constant time, whatever the index look-up let through and however long that took.
    """
    found = [each for each in digests if hmac.compare_digest(stored, each.value)]
    return found[0] if found else None


class Kind(Enum):
    """What a credential is that is kept as a digest; the value is the table."""

    KEY = "key_secret"
    SESSION = "member_session"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Outdated:
    """A credential that is kept under another pepper than the first: under which it is to be kept is known now."""

    kind: Kind
    kept: Digest
    wanted: Digest


def outdated(kind: Kind, kept: Digest, digests: Sequence[Digest]) -> Outdated | None:
    """What is to be moved, of a token with these digests that is kept as that one; None: nothing."""
    return None if kept == digests[0] else Outdated(kind, kept, digests[0])
