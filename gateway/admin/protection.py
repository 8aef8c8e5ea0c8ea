"""What keeps other sites out of the pages: form tokens, the origin of forms, and the headers of every answer."""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from starlette.requests import Request
from starlette.responses import Response

from services.common.access.service_identity import secrets_of

FIELD = "csrf"
"""The name of the field that carries the form token."""
CARRIED_LASTS_S = 300


class Seal:
    """Makes and checks values that nobody else can make, for a subject: a session's token or a visitor's value.

    It makes them under the first of the service secrets and takes those made under any: a page that somebody has open
    while the secret is replaced can still be sent.
    """

    def __init__(self, service_secret: str) -> None:
        under = [each.encode() for each in secrets_of(service_secret)]
        # Keys of their own: what is signed here can stand for nothing elsewhere.
        self._keys = [hmac.digest(each, b"sedifex admin pages", "sha256") for each in under]
        carrying = [hmac.digest(each, b"sedifex admin pages, carried", "sha256") for each in under]
        self._fernet = MultiFernet([Fernet(urlsafe_b64encode(each)) for each in carrying])

    def form_token(self, subject: str) -> str:
        """The value that every form of the subject carries. It says nothing about the subject."""
        return self._macs("form", subject)[0]

    def is_form_token(self, subject: str, token: str) -> bool:
        """Whether the form is the subject's own."""
        return bool(subject) and _is_one_of(token, self._macs("form", subject))

    def notice(self, subject: str, tone: str, text: str) -> str:
        """What the next page is to say, as a cookie's value."""
        content = urlsafe_b64encode(json.dumps([tone, text]).encode()).decode()
        return f"{content}.{self._macs('notice', subject, content)[0]}"

    def read_notice(self, subject: str, value: str) -> tuple[str, str] | None:
        """Its tone and text; None if it was not made here for this subject."""
        content, _, mac = value.partition(".")
        if not content or not _is_one_of(mac, self._macs("notice", subject, content)):
            return None
        tone, text = json.loads(urlsafe_b64decode(content))
        return str(tone), str(text)

    def carry(self, subject: str, values: list[str]) -> str:
        """Values that the subject's next form brings back, and that nobody can read on the way.

        A password stays in here between the page that asks for it and the one that asks for a code.
        """
        content = json.dumps([subject, *values]).encode()
        return self._fernet.encrypt(content).decode()

    def carried(self, subject: str, text: str) -> list[str] | None:
        """What was carried; None if it is not the subject's, or is older than five minutes."""
        try:
            whose, *values = json.loads(self._fernet.decrypt(text.encode(), ttl=CARRIED_LASTS_S))
        except InvalidToken:
            return None
        return [str(each) for each in values] if hmac.compare_digest(str(whose).encode(), subject.encode()) else None

    def _macs(self, *parts: str) -> list[str]:
        """Under each of the keys, first the one that is used."""
        content = "\0".join(parts).encode()
        return [hmac.new(key, content, hashlib.sha256).hexdigest() for key in self._keys]


def _is_one_of(mac: str, macs: list[str]) -> bool:
    """Compares with each in constant time, so that the time taken tells nothing."""
    return sum(hmac.compare_digest(mac.encode(), each.encode()) for each in macs) > 0


def is_from_here(request: Request, public_url: str) -> bool:
    """Whether the browser says that a page of ours has sent this form.

    Every browser sends Origin with a form that is posted, and those of the last years Sec-Fetch-Site. What is sent must
    agree, and one of them must be there. The scheme is left out of account: in front of us a proxy may speak TLS.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None and origin is None:
        return False
    if site not in {None, "same-origin"}:
        return False
    ours = {request.headers.get("host", "").lower(), urlsplit(public_url).netloc.lower()} - {""}
    return origin is None or urlsplit(origin).netloc.lower() in ours


def safe_path(path: str, otherwise: str = "/admin") -> str:
    """The path if it leads to a page of ours, whoever wrote it; else `otherwise`."""
    parts = urlsplit(path)
    # Browsers take "\\" for "/", and what begins with two or more of them for the name of a host.
    is_plain = all(" " < each <= "~" for each in path) and "\\" not in path and not path.startswith("//")
    is_ours = (parts.path == "/admin" or parts.path.startswith("/admin/")) and ".." not in parts.path.split("/")
    return path if is_plain and is_ours and not parts.scheme and not parts.netloc else otherwise


@dataclass(frozen=True)
class Policy:
    """The Content-Security-Policy of one answer."""

    nonce: str
    """Which scripts may run: the one of ours."""
    shows_pictures: bool = False
    """Whether the page shows products, whose pictures lie anywhere."""

    @classmethod
    def new(cls) -> "Policy":
        """A policy with a fresh nonce."""
        return cls(secrets.token_urlsafe(16))

    def header(self) -> str:
        """Its text."""
        pictures = " https: http:" if self.shows_pictures else ""
        return "; ".join(
            (
                "default-src 'none'",
                f"script-src 'nonce-{self.nonce}'",
                "style-src 'self'",
                f"img-src 'self' data:{pictures}",
                "connect-src 'self'",
                "form-action 'self'",
                "frame-ancestors 'none'",
                "base-uri 'none'",
            )
        )


def protect(response: Response, policy: Policy) -> None:
    """Sets the headers that every page has."""
    headers = response.headers
    headers["Content-Security-Policy"] = policy.header()
    headers.setdefault("Cache-Control", "no-store")
    # Forms of ours must say where they come from, and nobody else need know.
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=()"
    headers["X-Frame-Options"] = "DENY"
