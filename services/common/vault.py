"""Secrets at rest that must be readable again: AES-256-GCM, bound to what they belong to, under versioned keys.

The keys are settings, never in the database.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.common.settings import VersionedSecret

_NONCE_BYTES = 12


class Sealed(NamedTuple):
    """A secret as it is kept: nonce and ciphertext, and the version of the key that opens it."""

    value: bytes
    version: int


class Vault:
    """Seals under the first key, opens under any that it has."""

    def __init__(self, keys: Sequence[VersionedSecret]) -> None:
        self._ciphers = {key.version: AESGCM(key.secret) for key in keys}
        self.version = keys[0].version
        """Of the key that seals."""

    @property
    def versions(self) -> frozenset[int]:
        """Of the keys that it can open with."""
        return frozenset(self._ciphers)

    def seal(self, secret: str, owner_id: str) -> Sealed:
        """Encrypts a secret; `owner_id` is the id of what it belongs to, and must be named again to open it."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self.version].encrypt(nonce, secret.encode(), owner_id.encode())
        return Sealed(nonce + sealed, self.version)

    def open(self, sealed: Sealed, owner_id: str) -> str:
        """The secret of what has this id.

        Raises:
            KeyError: the key of this version is not among the settings.
            cryptography.exceptions.InvalidTag: it was sealed for another owner, or changed.
        """
        nonce, ciphertext = sealed.value[:_NONCE_BYTES], sealed.value[_NONCE_BYTES:]
        return self._ciphers[sealed.version].decrypt(nonce, ciphertext, owner_id.encode()).decode()
