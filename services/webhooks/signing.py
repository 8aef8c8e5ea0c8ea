"""How a delivery is signed, and how a receiver checks it.

One secret gives two documented derivations, so that partners can use a library which they already have:

- ``X-Sedifex-Signature: t=<unix>,v1=<hex>[,v1=<hex>]`` in the manner of Stripe: HMAC-SHA256 of ``<t>.<body>`` under
  the whole ``whsec_…`` string as UTF-8.
- ``webhook-id``, ``webhook-timestamp``, ``webhook-signature: v1,<base64>[ v1,<base64>]`` of Standard Webhooks
  (https://www.standardwebhooks.com): HMAC-SHA256 of ``<id>.<t>.<body>`` under the decoded base64 after ``whsec_``.

While a rotation's overlap lasts both secrets sign, so a receiver may hold either.
"""

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

SIGNATURE_HEADER = "X-Sedifex-Signature"
SECRET_PREFIX = "whsec_"  # noqa: S105  (public: what every secret begins with)
SECRET_BYTES = 32
TOLERANCE_SECONDS = 300

_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Reason(StrEnum):
    """Why a signature was not accepted, in words for the receiver's log."""

    MISSING = "the X-Sedifex-Signature header is missing"
    MALFORMED = "the X-Sedifex-Signature header is not of the form t=<unix>,v1=<hex>"
    TOO_OLD = "the signature is too old"
    FROM_THE_FUTURE = "the signature is from the future"
    NO_MATCH = "no signature matches this body and secret"


class SignatureError(ValueError):
    """A delivery that must not be trusted; ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def new_secret(entropy: bytes) -> str:
    """Write 32 random bytes as an endpoint's secret, ``whsec_`` + base64 (50 characters).

    Raises ValueError for any other length: every library would take a shorter key, weaker than it looks.
    """
    if len(entropy) != SECRET_BYTES:
        raise ValueError(f"a webhook secret is made of exactly {SECRET_BYTES} bytes, not {len(entropy)}")
    return SECRET_PREFIX + base64.b64encode(entropy).decode()


def hint(secret: str) -> str:
    """Enough of a secret to recognise it, not to use it."""
    return f"{SECRET_PREFIX}…{secret[-4:]}"


class Signer:
    """Signs under every one of an endpoint's secrets, in the order given (the newest first).

    Raises ValueError if there is no secret, or if one is not base64 after its prefix.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets:
            raise ValueError("a delivery is signed with at least one secret")
        # Begun once: to take a key in costs as much as to hash a small body.
        self._keys = [(_begin(secret.encode()), _begin(_standard_key(secret))) for secret in secrets]

    def headers(self, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        """Give the four headers that sign ``body``; ``timestamp`` is the Unix time of this attempt in seconds."""
        sent_at = str(timestamp)
        timed = b"%d.%s" % (timestamp, body)
        named = b"%s.%s" % (event_id.encode(), timed)
        ours = [f"v1={_end(key, timed).hex()}" for key, _ in self._keys]
        standard = [f"v1,{base64.b64encode(_end(key, named)).decode()}" for _, key in self._keys]
        return {
            # No space after the comma: stripe's libraries split on "," and would look for a scheme named " v1".
            SIGNATURE_HEADER: ",".join([f"t={sent_at}", *ours]),
            "webhook-id": event_id,
            "webhook-timestamp": sent_at,
            "webhook-signature": " ".join(standard),
        }


def compact(signed: Mapping[str, str]) -> str:
    """Those headers as the log keeps them, in half of the bytes: what `expand` can tell by itself is left out."""
    return f"{signed[SIGNATURE_HEADER]} {signed['webhook-signature']}" if signed else ""


def expand(kept: str, event_id: str) -> dict[str, str]:
    """What `compact` has made of the headers of an event, by lower-case name; empty for an empty text."""
    if not kept:
        return {}
    ours, _, standard = kept.partition(" ")
    return {
        SIGNATURE_HEADER.lower(): ours,
        "webhook-id": event_id,
        "webhook-timestamp": ours.partition(",")[0].removeprefix("t="),
        "webhook-signature": standard,
    }


def verify(
    received: Mapping[str, str], body: bytes, secret: str, *, now: int, tolerance: int = TOLERANCE_SECONDS
) -> None:
    """Check a received delivery by its X-Sedifex-Signature (header names in any case).

    ``body`` is the raw bytes as they came, before any JSON parsing. ``now`` is Unix time and ``tolerance`` the seconds
    by which the signature may be old or early. Raises SignatureError, with the reason, for everything not trusted.
    """
    sent_at, digests = _parse(_header(received))
    # The time stands under the signature too; judging it first tells a receiver with a wrong clock what is wrong.
    if int(sent_at) < now - tolerance:
        raise SignatureError(Reason.TOO_OLD)
    if int(sent_at) > now + tolerance:
        raise SignatureError(Reason.FROM_THE_FUTURE)
    expected = _sedifex_digest(secret, sent_at, body)
    # Every entry is compared, in constant time: stopping at the first match would tell which secret it was.
    matches = [hmac.compare_digest(expected, digest) for digest in digests]
    if not any(matches):
        raise SignatureError(Reason.NO_MATCH)


def _header(received: Mapping[str, str]) -> str:
    for name, value in received.items():
        if name.lower() == SIGNATURE_HEADER.lower():
            return value
    raise SignatureError(Reason.MISSING)


def _parse(header: str) -> tuple[str, list[str]]:
    """Split the header into its time and its v1 digests; other schemes are for the future and are passed over."""
    times: list[str] = []
    digests: list[str] = []
    for entry in header.split(","):
        scheme, _, value = entry.strip().partition("=")
        if scheme == "t":
            times.append(value)
        elif scheme == "v1":
            digests.append(value)
    # Two times would leave open which of them was signed.
    if len(times) != 1 or not _TIMESTAMP.fullmatch(times[0]):
        raise SignatureError(Reason.MALFORMED)
    if not digests or not all(_DIGEST.fullmatch(digest) for digest in digests):
        raise SignatureError(Reason.MALFORMED)
    return times[0], digests


def _sedifex_digest(secret: str, sent_at: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), b"%s.%s" % (sent_at.encode(), body), "sha256").hex()


def _begin(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")


def _end(begun: hmac.HMAC, message: bytes) -> bytes:
    digest = begun.copy()
    digest.update(message)
    return digest.digest()


def _standard_key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
