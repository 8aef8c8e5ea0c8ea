"""A process's certificate, its key, and whose certificates it accepts: files, checked, and read again when renewed.

Who renews them puts new files in the place of the old ones: an operator, or Kubernetes, which swaps a symbolic link.
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificates

log = logging.getLogger(__name__)

CERTIFICATE, KEY, ROOTS = "SEDIFEX_TLS_CERTIFICATE", "SEDIFEX_TLS_KEY", "SEDIFEX_TLS_ROOTS"
LOOK_S = 1.0
"""How often files are looked at, at most."""


class CertificateError(ValueError):
    """A file is not what it has to be; the message names the variable, the file and what is wrong."""

    def __init__(self, variable: str, path: Path, problem: str) -> None:
        super().__init__(f"{variable}: {path} {problem}")


@dataclass(frozen=True)
class Files:
    """Where they are, all in PEM."""

    certificate: Path
    """The process's own, and after it those that lead to its issuer."""
    key: Path
    roots: Path
    """The issuers whose certificates are accepted."""


@dataclass(frozen=True)
class Material:
    """What is in the files."""

    chain: bytes
    key: bytes = field(repr=False)
    roots: bytes
    expires: datetime
    """When the chain ends to be valid."""


def read(files: Files, now: datetime) -> Material:
    """What is in the files at this time.

    Raises:
        CertificateError: something is missing, is not what it should be, does not belong together, or has expired.
    """
    chain, key, roots = _bytes(CERTIFICATE, files.certificate), _bytes(KEY, files.key), _bytes(ROOTS, files.roots)
    certificates = _certificates(CERTIFICATE, files.certificate, chain)
    try:
        private = load_pem_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CertificateError(KEY, files.key, "is no private key in PEM, without a password") from None
    if private.public_key() != certificates[0].public_key():
        raise CertificateError(KEY, files.key, f"does not belong to the certificate in {files.certificate}")
    expires = min(each.not_valid_after_utc for each in certificates)
    if expires <= now:
        raise CertificateError(CERTIFICATE, files.certificate, f"has expired on {expires:%Y-%m-%d %H:%M} UTC; renew it")
    accepted = _certificates(ROOTS, files.roots, roots)
    if all(each.not_valid_after_utc <= now for each in accepted):
        raise CertificateError(ROOTS, files.roots, "holds expired certificates only")
    return Material(chain, key, roots, expires)


def _bytes(variable: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as failure:
        raise CertificateError(variable, path, f"cannot be read ({failure.strerror})") from None


def _certificates(variable: str, path: Path, pem: bytes) -> Sequence[Certificate]:
    try:
        return load_pem_x509_certificates(pem)
    except ValueError:
        raise CertificateError(variable, path, "is no certificate in PEM") from None


class Identity:
    """What a process shows of itself, and whom it accepts, now. Any thread may ask."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._lock = threading.Lock()
        # Before they are read: what changes meanwhile is seen at the next look.
        self._seen = self._stamps()
        self._material = read(files, datetime.now(UTC))
        self._next_look = time.monotonic() + LOOK_S

    @classmethod
    def of(cls, files: Files) -> "Identity":
        """The one of these files in this process.

        Raises:
            CertificateError: they cannot be used.
        """
        return _of(files)

    def current(self) -> Material:
        """What is in the files. If new ones cannot be used it stays what it was; the log says why.

        While nothing has changed it is the same object.
        """
        with self._lock:
            if time.monotonic() >= self._next_look:
                self._look()
                self._next_look = time.monotonic() + LOOK_S
            return self._material

    def expires(self) -> float:
        """When that ends, in Unix time."""
        return self.current().expires.timestamp()

    def _look(self) -> None:
        stamps = self._stamps()
        if stamps == self._seen:
            return
        self._seen = stamps
        try:
            found = read(self._files, datetime.now(UTC))
        except CertificateError as problem:
            log.error("a new certificate cannot be used, the one before stays", extra={"cause": str(problem)})  # noqa: TRY400
            return
        if found != self._material:
            self._material = found
            log.info("a new certificate is used", extra={"expires": found.expires.isoformat()})

    def _stamps(self) -> Sequence[tuple[int, ...]]:
        """What differs when a file has been written to, or another one is in its place."""
        return [_stamp(path) for path in (self._files.certificate, self._files.key, self._files.roots)]


@lru_cache(maxsize=8)
def _of(files: Files) -> Identity:
    return Identity(files)


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
