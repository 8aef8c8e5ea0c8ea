"""Whether a URL may become an endpoint, judged when it is entered.

This check is for the person at the form: it names the fault while it can still be mended, and it resolves no name.
The one that protects our network is worker/guard.py, which sees the resolved address. Both share one deny list.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

import idna

from services.webhooks.addresses import Network, refusal

MAX_URL_CHARACTERS = 2048

_DEFAULT_PORTS = {"https": 443, "http": 80}
# One strict pattern of our own: where two lenient parsers differ, one checks a host and the other calls another.
_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>[^/?]*)(?P<path>[^?]*)(?P<query>\?.*)?", re.IGNORECASE | re.ASCII
)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>.*))?")
_CONTROL_OR_SPACE = re.compile(r"[\x00-\x20\x7f-\x9f\u200b\u2060\ufeff]|\s")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
# What RFC 3986 lets stand in a path or query; “%” too, so that an encoded URL is not encoded again.
_URL_SAFE = "/?:@!$&'()*+,;=%-._~"


class InvalidDestination(ValueError):
    """The URL cannot be an endpoint. The message is a plain sentence for whoever entered it."""


def check_url(url: str, *, allow_insecure: bool, allowed: Sequence[Network] = ()) -> str:
    """Return the URL in the one form that is stored and sent to, or raise InvalidDestination.

    Normalised: scheme and host in lower case, an international name in punycode (UTS 46), an IP address in its plain
    form, no default port, a path of at least “/”, other than ASCII percent-encoded. ``allow_insecure`` (development)
    also takes http:// and names without a dot; ``allowed`` are address blocks excepted from the deny list, as in
    addresses.refusal.
    """
    _check_text(url)
    parts = _URL.fullmatch(url)
    if parts is None:
        raise InvalidDestination("Enter a whole URL, such as https://shop.example/webhooks.")
    scheme = parts["scheme"].lower()
    _check_scheme(scheme, allow_insecure=allow_insecure)
    if "@" in parts["authority"]:
        raise InvalidDestination("The URL must not contain a user name or password; verify our signature instead.")
    authority = _AUTHORITY.fullmatch(parts["authority"])
    if authority is None:
        raise InvalidDestination("The URL's host name is not valid.")
    host = _check_host(authority["host"], allow_insecure=allow_insecure, allowed=allowed)
    port = _check_port(authority["port"], scheme)
    path = quote(parts["path"] or "/", safe=_URL_SAFE)
    query = quote(parts["query"] or "", safe=_URL_SAFE)
    # Once more: punycode and percent-encoding make a URL longer.
    return _check_length(f"{scheme}://{host}{port}{path}{query}")


def _check_text(url: str) -> None:
    _check_length(url)
    # A backslash is a slash to browsers and to some parsers, and a part of the host to others.
    if _CONTROL_OR_SPACE.search(url) or "\\" in url:
        raise InvalidDestination("The URL must not contain spaces, backslashes or control characters.")
    if "#" in url:
        raise InvalidDestination("The URL must not have a fragment (“#…”): it would never be sent.")
    try:
        url.encode()
    except UnicodeEncodeError:
        raise InvalidDestination("The URL contains characters that are not valid Unicode.") from None


def _check_length(url: str) -> str:
    if len(url) > MAX_URL_CHARACTERS:
        raise InvalidDestination(f"The URL must not be longer than {MAX_URL_CHARACTERS} characters.")
    return url


def _check_scheme(scheme: str, *, allow_insecure: bool) -> None:
    if scheme not in _DEFAULT_PORTS:
        raise InvalidDestination("The URL must begin with https://.")
    if scheme == "http" and not allow_insecure:
        raise InvalidDestination("The URL must begin with https://, so that nobody can read deliveries on their way.")


def _check_port(text: str | None, scheme: str) -> str:
    if not text:
        return ""
    if not _PORT.fullmatch(text) or not 1 <= int(text) <= 65535:
        raise InvalidDestination("The URL's port must be a number from 1 to 65535.")
    return "" if int(text) == _DEFAULT_PORTS[scheme] else f":{int(text)}"


def _check_host(text: str, *, allow_insecure: bool, allowed: Sequence[Network]) -> str:
    if not text:
        raise InvalidDestination("The URL must name a host, such as https://shop.example/webhooks.")
    if text.startswith("["):
        return _check_ipv6(text[1:-1], allowed)
    name = _to_ascii(text).removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidDestination("The URL's host name is not valid.")
    # As browsers and libcurl do (WHATWG URL §3.5): a name that ends in a number is meant as an IPv4 address.
    if _NUMBER.fullmatch(labels[-1]):
        return _check_address(str(_read_ipv4(labels)), allowed)
    # RFC 6761: these always mean this machine, whatever DNS says.
    if labels[-1] == "localhost":
        _check_address("127.0.0.1", allowed)
    elif len(labels) == 1 and not allow_insecure:
        raise InvalidDestination(f"“{name}” is not a public host name; use one with a domain, such as {name}.example.")
    return name


def _to_ascii(text: str) -> str:
    if text.isascii():
        return text.lower()
    try:
        # UTS 46 also folds full-width digits and dots, so this goes before the look for addresses. Python's own codec
        # is of 2003 and turns “faß.de” into “fass.de”, which may be another's.
        return idna.encode(text, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        raise InvalidDestination("The URL's host name is not a valid international name.") from None


def _read_ipv4(labels: list[str]) -> IPv4Address:
    """Read an IPv4 address in any form that inet_aton takes: 127.1, 0177.0.0.1, 0x7f000001, 2130706433."""
    invalid = InvalidDestination("The URL's host looks like an IP address but is not a valid one.")
    if len(labels) > 4 or not all(_NUMBER.fullmatch(label) for label in labels):
        raise invalid
    try:
        *leading, last = [_read_number(label) for label in labels]
    except ValueError:
        raise invalid from None
    # The last number fills all the bytes that the others leave.
    if any(number > 255 for number in leading) or last >= 256 ** (4 - len(leading)):
        raise invalid
    return IPv4Address(sum(number << (24 - 8 * place) for place, number in enumerate(leading)) + last)


def _read_number(label: str) -> int:
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8 if label.startswith("0") else 10)


def _check_ipv6(text: str, allowed: Sequence[Network]) -> str:
    if "%" in text:
        raise InvalidDestination(
            "The URL's address must not have a scope id (“%…”): it means something on one machine only."
        )
    try:
        address = IPv6Address(text)
    except ValueError:
        raise InvalidDestination("The URL's host is not a valid IPv6 address.") from None
    return f"[{_check_address(str(address), allowed)}]"


def _check_address(address: str, allowed: Sequence[Network]) -> str:
    reason = refusal(address, allowed)
    if reason is not None:
        raise InvalidDestination(f"Deliveries cannot be sent to this host: {reason}.")
    return address
