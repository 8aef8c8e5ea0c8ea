"""What goes to the sender and what comes back, in the words of the delivery log."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

import pycurl

MAX_HEADER_BYTES = 16 * 1024


class ErrorKind(StrEnum):
    """Why no complete answer came: the part of an error that is counted and filtered by."""

    TIMEOUT = "timeout"
    DNS = "dns"
    REFUSED = "refused"  # by our own address check, not by the endpoint
    CONNECT = "connect"
    TLS = "tls"
    CLOSED = "closed"
    PROTOCOL = "protocol"
    URL = "url"
    OTHER = "other"


_KINDS = {
    pycurl.E_OPERATION_TIMEDOUT: ErrorKind.TIMEOUT,
    pycurl.E_COULDNT_RESOLVE_HOST: ErrorKind.DNS,
    pycurl.E_COULDNT_CONNECT: ErrorKind.CONNECT,
    pycurl.E_SSL_CONNECT_ERROR: ErrorKind.TLS,
    pycurl.E_PEER_FAILED_VERIFICATION: ErrorKind.TLS,
    pycurl.E_SSL_CERTPROBLEM: ErrorKind.TLS,
    pycurl.E_SSL_CIPHER: ErrorKind.TLS,
    pycurl.E_SSL_CACERT_BADFILE: ErrorKind.TLS,
    pycurl.E_SSL_ISSUER_ERROR: ErrorKind.TLS,
    pycurl.E_GOT_NOTHING: ErrorKind.CLOSED,
    pycurl.E_PARTIAL_FILE: ErrorKind.CLOSED,
    pycurl.E_SEND_ERROR: ErrorKind.CLOSED,
    pycurl.E_RECV_ERROR: ErrorKind.CLOSED,
    pycurl.E_UNSUPPORTED_PROTOCOL: ErrorKind.PROTOCOL,
    8: ErrorKind.PROTOCOL,  # CURLE_WEIRD_SERVER_REPLY, likewise
    100: ErrorKind.PROTOCOL,  # CURLE_TOO_LARGE: an endless header; pycurl has no name for it
    pycurl.E_BAD_CONTENT_ENCODING: ErrorKind.PROTOCOL,
    pycurl.E_URL_MALFORMAT: ErrorKind.URL,
}


# One code of libcurl's is both a connection that broke and an answer that broke the rules; only its words tell.
_NOT_HTTP = re.compile("header|chunk|encoding", re.IGNORECASE)


class Request(NamedTuple):
    """One POST. ``token`` comes back in the Exchange, whatever it is; ``body`` is sent byte for byte."""

    token: Any
    url: str
    headers: Mapping[str, str]
    body: bytes


_NONE: Mapping[str, str] = MappingProxyType({})


class Exchange(NamedTuple):
    """How a request ended: with a ``status``, or with an ``error_kind`` and an ``error``, never with both.

    ``error`` is the kind and a plain sentence, “timeout: no complete answer within 15 s”. ``latency_ms`` runs from
    the submit to the end. ``response_headers`` have lower-case names, repeated ones joined by “, ”, no NUL, 16 KB in
    all; ``response_body`` is the first 16 KB. What had come before an error is kept for the log. ``remote_address`` is
    the IP address that was connected to. ``request_headers`` are the Request's, as they were sent.
    """

    token: Any
    status: int | None
    error_kind: ErrorKind | None
    error: str | None
    latency_ms: int
    response_headers: dict[str, str]
    response_body: bytes
    retry_after: str | None
    remote_address: str | None
    request_headers: Mapping[str, str] = _NONE


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: ``whole`` for the exchange from name to last byte, ``connect`` of it until connected, TLS included."""

    whole: float
    connect: float


def explain(easy: Any, code: int, text: str, *, refused: str | None, limits: Limits) -> tuple[ErrorKind, str]:
    """Turn libcurl's error ``code`` and ``text`` for the handle into a kind and a plain sentence.

    ``refused`` is the reason of our own address check, where it turned an address away.
    """
    kind = _KINDS.get(code, ErrorKind.OTHER)
    if kind is ErrorKind.CONNECT and refused is not None:
        kind = ErrorKind.REFUSED
    if code == pycurl.E_UNSUPPORTED_PROTOCOL and not easy.getinfo(pycurl.PRIMARY_IP):
        kind = ErrorKind.URL  # the scheme; once connected, the same code means an answer that is not HTTP
    if code == pycurl.E_RECV_ERROR and _NOT_HTTP.search(text):
        kind = ErrorKind.PROTOCOL
    # Our own words where libcurl's hold a time or a port, so that equal faults read equal in the log. Where its words
    # stay they may quote the peer's bytes, which need not be UTF-8.
    detail = {
        ErrorKind.TIMEOUT: _timeout(easy, limits),
        ErrorKind.DNS: "the host name could not be resolved",
        ErrorKind.REFUSED: refused,
        ErrorKind.CONNECT: _connect_failure(easy),
        ErrorKind.CLOSED: "the connection ended before a complete answer",
    }.get(kind) or text.encode("utf-8", "replace").decode()
    return kind, f"{kind.value}: {detail}"


def _timeout(easy: Any, limits: Limits) -> str:
    if easy.getinfo(pycurl.REQUEST_SIZE):
        return f"no complete answer within {limits.whole:g} s"
    return f"no connection within {min(limits.connect, limits.whole):g} s"


def _connect_failure(easy: Any) -> str:
    number = easy.getinfo(pycurl.OS_ERRNO)
    return os.strerror(number).lower() if number else "could not connect"


def parse_headers(lines: Sequence[bytes]) -> dict[str, str]:
    """Read the header lines of an answer, and of the interim ones before it, as Exchange.response_headers."""
    headers: dict[str, str] = {}
    # ISO 8859-1 never fails: header values are bytes (RFC 9110 §5.5). PostgreSQL keeps no text with a NUL in it.
    for line in b"".join(lines)[:MAX_HEADER_BYTES].decode("latin-1").replace("\0", "").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            key, text = name.strip().lower(), value.strip()
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        elif line.startswith("HTTP/"):
            headers.clear()  # the last answer counts; those before it were interim (100, 103)
    return headers
