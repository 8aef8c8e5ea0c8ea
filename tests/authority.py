"""Issuers of certificates as tests need them: valid, expired, for other names, of other issuers."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from services.common.certificates import Files

HERE = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Authority:
    """An issuer, and the folder for what it issues."""

    folder: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def new(cls, folder: Path, name: str = "issuer") -> "Authority":
        """Makes one; its certificate is in NAME.pem."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign(_subject(name), _subject(name), key, key, timedelta(days=1), is_issuer=True)
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        return cls(folder, certificate, key)

    @property
    def pem(self) -> bytes:
        """Its certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(
        self,
        name: str,
        names: Sequence[str] = HERE,
        valid_for: timedelta = timedelta(hours=1),
        accepting: "Sequence[Authority]" = (),
    ) -> Files:
        """A process's files: a certificate for these names, its key, and whom it accepts besides this one.

        They take the place of what has been issued under the same name.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign(_subject(name), self.certificate.subject, key, self.key, valid_for, names)
        files = Files(self.folder / f"{name}.pem", self.folder / f"{name}.key", self.folder / f"{name}-roots.pem")
        replace(files.roots, b"".join(each.pem for each in (self, *accepting)))
        replace(files.key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        replace(files.certificate, certificate.public_bytes(Encoding.PEM))
        return files


def settings_of(files: Files) -> dict[str, Any]:
    """The settings that name these files."""
    named = {"tls_certificate": files.certificate, "tls_key": files.key, "tls_roots": files.roots}
    return {name: str(path) for name, path in named.items()}


def replace(path: Path, contents: bytes) -> None:
    """Puts a file in the place of another, at once."""
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(contents)
    new.replace(path)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _sign(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    valid_for: timedelta,
    names: Sequence[str] = (),
    *,
    is_issuer: bool = False,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + valid_for)
        .add_extension(x509.BasicConstraints(ca=is_issuer, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_name(each) for each in names]), critical=False)
    return builder.sign(signer, SHA256())


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
