"""Connection codes: the one string that a merchant copies from the admin pages and pastes into WordPress.

    sdfxc1.<address, base64url without padding>.<key>.<CRC-32 of all before the last dot, 8 hex digits>

The key stands in it as it is, so that scanners for leaked keys find it there too; the check sum tells a merchant who
has copied half of it. A code is as secret as its key: shown once, never logged, never in a URL.

Its other reader is wp-plugin/sedifex/includes/class-connection-code.php; tests/vectors/connection_codes.json holds for
both.
"""

import base64
import binascii
import enum
import re
import zlib
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PREFIX = "sdfxc"
VERSION = 1

_KEY = re.compile(r"sdfx_(?:live|test)_[0-9A-Za-z]{38}")
_HOST = re.compile(r"[a-z0-9.-]+|[0-9a-f:]+")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


class Reason(enum.Enum):
    """Why something is no connection code. The values are the plugin's words for it."""

    INVALID = "code_invalid"
    """It never was one."""
    INCOMPLETE = "code_incomplete"
    """A part is missing, or a letter was changed."""
    NEWER = "code_newer"
    """Of a version that this reader does not know."""


class ConnectionCodeError(ValueError):
    """This is no connection code. Holds the reason, and nothing of what was read: that may be a key."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True)
class Connection:
    """What a connection code says."""

    address: str
    """Of the API, "https://api.example": see `canonical`."""
    key: str = field(repr=False)
    """The secret of an API key."""


def make(address: str, key: str) -> str:
    """The code for this address and the secret of an API key.

    Raises:
        ValueError: one of them is not what it must be. The message does not repeat the key.
    """
    if not _KEY.fullmatch(key):
        raise ValueError("this is not the secret of an API key")
    place = canonical(address)
    if not place:
        raise ValueError(f"this is not the address of an API: {address}")
    encoded = base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")
    body = f"{PREFIX}{VERSION}.{encoded}.{key}"
    return f"{body}.{_sum(body)}"


def read(text: str) -> Connection:
    """What a code says. White space in it does not count: mail programs and chats break lines.

    Raises:
        ConnectionCodeError: it is none.
    """
    code = "".join(text.split())
    version = re.match(rf"{PREFIX}([0-9]+)\.", code)
    if version is None:
        raise ConnectionCodeError(Reason.INVALID)
    if int(version[1]) != VERSION:
        raise ConnectionCodeError(Reason.NEWER)
    body, _, check = code.rpartition(".")
    parts = body.split(".")
    if len(parts) != 3 or check != _sum(body):
        raise ConnectionCodeError(Reason.INCOMPLETE)
    _, encoded, key = parts
    try:
        address = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ConnectionCodeError(Reason.INVALID) from None
    if not _KEY.fullmatch(key) or canonical(address) != address:
        raise ConnectionCodeError(Reason.INVALID)
    return Connection(address, key)


def canonical(address: str) -> str:
    """The address in its one form: small letters but in the path, no slash at the end. Empty if it is none."""
    try:
        parts = urlsplit(address.strip())
        port = parts.port
    except ValueError:
        return ""
    host, path = (parts.hostname or "").lower(), parts.path.rstrip("/")
    odd = parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in {"https", "http"} or odd or not _HOST.fullmatch(host) or not _PATH.fullmatch(path):
        return ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "") + path


def _sum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"
