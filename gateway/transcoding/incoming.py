"""Reads what a request brings besides its fields: its raw path, its time limit, its body within bounds."""

import asyncio
import math
from email.message import Message as Header
from urllib.parse import quote

import grpc
from starlette.requests import Request
from starlette.types import Receive, Scope

from .errors import Problem
from .invalid import InvalidRequestError, shown

TIMEOUT_HEADER = "Request-Timeout"
"""The header in which a client says for how many seconds it will wait."""


class ClientGoneError(ConnectionError):
    """The client closed the connection before it was answered."""


async def read_body(request: Request, limit: int, within: float) -> bytes:
    """Return the body.

    Raises Problem (413) once it exceeds `limit` bytes, before more is taken in; Problem (408) if it is not there after
    `within` seconds; ClientGoneError.
    """
    try:
        async with asyncio.timeout(within):
            return await _read_body(request, limit)
    except TimeoutError:
        message = f"The request's body did not come within {within:g} s. Send it again."
        raise Problem(grpc.StatusCode.DEADLINE_EXCEEDED, message, http_status=408) from None


async def _read_body(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > limit):
        raise _too_large(limit)
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        event = await request.receive()
        if event["type"] == "http.disconnect":
            raise ClientGoneError
        chunk = event.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        more = event.get("more_body", False)
    return b"".join(chunks)


async def wait_until_gone(receive: Receive) -> None:
    """Return when the client has closed the connection; the body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


def check_is_json(request: Request, body: bytes) -> None:
    """Raise Problem (415) unless a body is declared as plain UTF-8 JSON."""
    if not body:
        return
    if request.headers.get("content-encoding", "identity") != "identity":
        raise _unsupported("Send the body without a Content-Encoding.")
    header = Header()
    header["Content-Type"] = request.headers.get("content-type", "")
    charset = str(header.get_param("charset", "utf-8")).lower()
    if header.get_content_type() != "application/json" or charset not in {"utf-8", "utf8"}:
        raise _unsupported("Send the body as UTF-8 JSON, with Content-Type: application/json.")


def _too_large(limit: int) -> Problem:
    message = f"The request body is larger than the {limit} bytes allowed. Send less at a time."
    return Problem(grpc.StatusCode.INVALID_ARGUMENT, message, http_status=413)


def _unsupported(message: str) -> Problem:
    return Problem(grpc.StatusCode.INVALID_ARGUMENT, message, http_status=415)


def raw_path(scope: Scope) -> str:
    """Return the percent-encoded path below the point where the application is mounted.

    The server's decoded `path` no longer tells `%2F` from `/`, so it serves only where `raw_path` is missing.
    """
    raw = scope.get("raw_path")
    path = raw.decode("latin-1") if raw else quote(scope["path"], safe="/:@!$&'()*+,;=~")
    root = quote(scope.get("root_path", ""), safe="/:@!$&'()*+,;=~")
    return path.removeprefix(root)


def list_header(request: Request, name: str) -> str | None:
    """Return the value of a header that holds a list: its lines as one (RFC 9110, 5.3). None: it was not sent."""
    lines = request.headers.getlist(name)
    return ", ".join(lines) if lines else None


def timeout_of(request: Request, default: float, largest: float) -> float:
    """Return the seconds that the RPC may take: the client's wish, clipped to `largest`. Raises InvalidRequestError."""
    text = request.headers.get(TIMEOUT_HEADER)
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise InvalidRequestError(f"expected a positive number of seconds, got {shown(text)}", TIMEOUT_HEADER)
    return min(seconds, largest)
