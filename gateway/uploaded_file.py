"""The file in a request's body, taken in piece by piece."""

import asyncio
from collections.abc import AsyncIterator
from typing import NoReturn

import grpc
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from gateway.transcoding import Problem

PIECE_BYTES = 512 * 1024
MAX_BYTES = 64 * 1024 * 1024
OVERHEAD_BYTES = 64 * 1024
"""Of a form around the file."""
SILENCE_S = 30.0
"""How long the client may send nothing."""
WITHIN_S = 900.0
"""How long the whole file may take: 64 MiB at 75 kB/s."""
RAW_TYPES = frozenset(
    {
        "text/csv",
        "text/plain",
        "text/tab-separated-values",
        "application/csv",
        "application/octet-stream",
        "application/vnd.ms-excel",
    }
)
FORM_TYPE = "multipart/form-data"

Code = grpc.StatusCode


class UploadedFile:
    """The file in a request's body: the body itself, or the one file of a form."""

    def __init__(self, request: Request, form: "_Form | None") -> None:
        self._request = request
        self._form = form

    @classmethod
    def of(cls, request: Request) -> "UploadedFile":
        """Looks at the headers only.

        Raises:
            Problem: this is no file, or it is too large.
        """
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if request.headers.get("content-encoding", "identity") != "identity":
            raise Problem(Code.INVALID_ARGUMENT, "Send the file without a Content-Encoding.", http_status=415)
        length = request.headers.get("content-length", "")
        if length.isdecimal() and (len(length) > 12 or int(length) > MAX_BYTES + OVERHEAD_BYTES):
            raise _too_large()
        name = kind.decode("latin-1").lower()
        if name == FORM_TYPE and options.get(b"boundary"):
            return cls(request, _Form(options[b"boundary"]))
        if name in RAW_TYPES:
            return cls(request, None)
        message = f"Send the file itself, as text/csv, or as the one file of a form, as {FORM_TYPE}."
        raise Problem(Code.INVALID_ARGUMENT, message, http_status=415)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The file, piece by piece.

        Raises:
            Problem: it is too large, did not come, or the form has not exactly one file.
            ClientDisconnect: the client went away.
        """
        held, size = bytearray(), 0
        async for chunk in self._chunks():
            held += self._form.feed(chunk) if self._form else chunk
            while len(held) >= PIECE_BYTES:
                size += PIECE_BYTES
                yield bytes(held[:PIECE_BYTES])
                del held[:PIECE_BYTES]
            if size + len(held) > MAX_BYTES:
                raise _too_large()
        if self._form:
            self._form.finish()
        if held:
            yield bytes(held)

    async def _chunks(self) -> AsyncIterator[bytes]:
        stream, size = self._request.stream(), 0
        now = asyncio.get_running_loop().time
        end = now() + WITHIN_S
        while True:
            try:
                async with asyncio.timeout_at(min(end, now() + SILENCE_S)):
                    chunk = await anext(stream, None)
            except TimeoutError:
                late = f"The file did not come within {WITHIN_S:g} s. Split it, and import the parts."
                message = f"Nothing of the file came for {SILENCE_S:g} s. Send it again." if now() < end else late
                raise Problem(Code.DEADLINE_EXCEEDED, message, http_status=408) from None
            if chunk is None:
                return
            size += len(chunk)
            if size > MAX_BYTES + OVERHEAD_BYTES:
                raise _too_large()
            yield chunk


class _Form:
    """A form (RFC 7578) that holds one file; other fields in it are passed over."""

    def __init__(self, boundary: bytes) -> None:
        self._files = 0
        self._in_file = False
        self._header, self._value = bytearray(), bytearray()
        self._content = bytearray()
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                    "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                    "on_header_end": self._end_header,
                    "on_part_data": self._take,
                    "on_part_end": self._end,
                },
            )
        except FormParserError:
            _refuse_form()

    def feed(self, chunk: bytes) -> bytes:
        """The bytes of the file that a piece of the body holds.

        Raises:
            Problem: this is no form, or has a second file.
        """
        try:
            self._parser.write(chunk)
        except FormParserError:
            _refuse_form()
        content = bytes(self._content)
        self._content.clear()
        return content

    def finish(self) -> None:
        """Makes sure that the file came whole.

        Raises:
            Problem: it did not, or there was none.
        """
        try:
            self._parser.finalize()
        except FormParserError:
            _refuse_form()
        if self._files != 1 or self._in_file:
            raise Problem(Code.INVALID_ARGUMENT, "The form must have one file in it, and have it whole.")

    def _begin(self) -> None:
        self._in_file = False

    def _end(self) -> None:
        self._in_file = False

    def _end_header(self) -> None:
        name, value = bytes(self._header).strip().lower(), bytes(self._value)
        self._header.clear()
        self._value.clear()
        if name == b"content-disposition" and b"filename" in parse_options_header(value)[1]:
            self._files += 1
            self._in_file = True
            if self._files > 1:
                raise Problem(Code.INVALID_ARGUMENT, "The form has more than one file in it. Send one at a time.")

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._content += data[start:end]


def _too_large() -> Problem:
    message = f"A file may have {MAX_BYTES // 1024**2} MiB at most. Split it, and import the parts."
    return Problem(Code.INVALID_ARGUMENT, message, http_status=413)


def _refuse_form() -> NoReturn:
    raise Problem(
        Code.INVALID_ARGUMENT, f"This is no {FORM_TYPE} that can be read. Send the file as text/csv."
    ) from None
