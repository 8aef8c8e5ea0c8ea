"""Files in one call: POST /v1/stores/{store}/imports:upload takes a CSV file and starts an import of it.

The file is passed on piece by piece as it comes, under the caller's own credential, so the gateway holds a piece of it
and never the whole.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, NoReturn

import grpc
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from sedifex.catalog.v1 import imports_pb2, imports_pb2_grpc
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.transcoding import Encoder, Problem
from gateway.transcoding.errors import problem_from_rpc
from services.common import telemetry

PATH = "/v1/stores/{store}/imports:upload"
PIECE_BYTES = 512 * 1024
MAX_BYTES = 64 * 1024 * 1024
OVERHEAD_BYTES = 64 * 1024
"""Of a form around the file."""
SILENCE_S = 30.0
"""How long the client may send nothing."""
DEADLINE_S = 20.0
"""Of each call to the service."""
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
_FORMATS = {
    "": imports_pb2.Import.FORMAT_AUTO,
    "auto": imports_pb2.Import.FORMAT_AUTO,
    "sedifex": imports_pb2.Import.FORMAT_SEDIFEX,
    "woocommerce": imports_pb2.Import.FORMAT_WOOCOMMERCE,
    "shopify": imports_pb2.Import.FORMAT_SHOPIFY,
}

Metadata = list[tuple[str, str | bytes]]
Code = grpc.StatusCode


class Uploads:
    """The route; `metadata` decides what of a request goes on to the service."""

    def __init__(self, channel: grpc.aio.Channel, metadata: Callable[[Request], Metadata]) -> None:
        self._imports: imports_pb2_grpc.ImportsServiceAsyncStub = imports_pb2_grpc.ImportsServiceStub(channel)
        self._metadata = metadata
        self._write = Encoder().writer(imports_pb2.Import.DESCRIPTOR)

    async def respond(self, request: Request) -> Response:
        """Answers one upload: with the import that it has started, or with what is wrong."""
        try:
            _check_method(request)
            job = await self._take(request)
        except Problem as refused:
            problem = refused
        except grpc.aio.AioRpcError as failure:
            problem = problem_from_rpc(failure)
        except ClientDisconnect:
            problem = Problem(Code.CANCELLED, "The client closed the connection before the file had come.")
        else:
            return _json(self._write(job).encode(), 200)
        # What is left of the file is not read: the connection cannot be used again.
        headers = problem.response_headers() | {"Connection": "close"}
        return _json(problem.body(telemetry.request_id()), problem.status, headers)

    async def _take(self, request: Request) -> imports_pb2.Import:
        wanted = _wanted(request)
        file = _File.of(request)
        call: dict[str, Any] = {"metadata": self._metadata(request), "timeout": DEADLINE_S}
        job = (await self._imports.CreateImport(wanted, **call)).job
        if job.state != imports_pb2.Import.STATE_UPLOADING:
            return job  # a repeat of an upload that had arrived
        try:
            return await self._fill(job.name, file, call)
        except BaseException:
            if not wanted.request_id:  # nobody can go on with it: it must not stand in the way of the next one
                await asyncio.shield(self._cancel(job.name, call))
            raise

    async def _fill(self, name: str, file: "_File", call: dict[str, Any]) -> imports_pb2.Import:
        offset = 0
        async for piece in file.pieces():
            append = imports_pb2.AppendImportContentRequest(name=name, offset=offset, content=piece)
            await self._imports.AppendImportContent(append, **call)
            offset += len(piece)
        return (await self._imports.StartImport(imports_pb2.StartImportRequest(name=name), **call)).job

    async def _cancel(self, name: str, call: dict[str, Any]) -> None:
        with suppress(grpc.aio.AioRpcError):  # it ends by itself within the hour
            await self._imports.CancelImport(imports_pb2.CancelImportRequest(name=name), **call)


class _File:
    """The file in a request's body: the body itself, or the one file of a form."""

    def __init__(self, request: Request, form: "_Form | None") -> None:
        self._request = request
        self._form = form

    @classmethod
    def of(cls, request: Request) -> "_File":
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
        while True:
            try:
                async with asyncio.timeout(SILENCE_S):
                    chunk = await anext(stream, None)
            except TimeoutError:
                message = f"Nothing of the file came for {SILENCE_S:g} s. Send it again."
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


def _check_method(request: Request) -> None:
    if request.method != "POST":
        message = "This path is served under: POST."
        raise Problem(Code.UNIMPLEMENTED, message, http_status=405, headers={"Allow": "POST"})


def _wanted(request: Request) -> imports_pb2.CreateImportRequest:
    """The import that is asked for.

    Raises:
        Problem: the query is wrong.
    """
    query = request.query_params
    unknown = set(query) - {"dryRun", "format", "filename", "requestId"}
    if unknown:
        known = "dryRun, format, filename and requestId"
        raise Problem(Code.INVALID_ARGUMENT, f"{min(unknown)[:50]} is no parameter of this call. These are: {known}.")
    dry_run = {"": False, "false": False, "true": True}.get(query.get("dryRun", ""))
    if dry_run is None:
        raise Problem(Code.INVALID_ARGUMENT, "dryRun must be true or false.")
    form = _FORMATS.get(query.get("format", "").lower().removeprefix("format_"))
    if form is None:
        raise Problem(Code.INVALID_ARGUMENT, "format must be auto, sedifex, woocommerce or shopify.")
    name = query.get("filename", "")[:200]
    return imports_pb2.CreateImportRequest(
        parent=f"stores/{request.path_params['store']}",
        job=imports_pb2.Import(display_name=name, format=form, dry_run=dry_run),
        request_id=query.get("requestId", request.headers.get("idempotency-key", "")),
    )


def describe() -> dict[str, Any]:
    """The route in the API's description (OpenAPI 3.1)."""
    file = {"schema": {"type": "string", "format": "binary"}}
    form = {"type": "object", "required": ["file"], "properties": {"file": file["schema"]}}

    def parameter(name: str, meaning: str, **schema: Any) -> dict[str, Any]:
        return {"name": name, "in": "query", "description": meaning, "schema": schema or {"type": "string"}}

    answer = {"application/json": {"schema": {"$ref": "#/components/schemas/Import"}}}
    return {
        "post": {
            "operationId": "ImportsService_UploadImport",
            "tags": ["ImportsService"],
            "summary": "Uploads a CSV file and starts an import of it.",
            "parameters": [
                {"name": "store", "in": "path", "required": True, "schema": {"type": "string"}},
                parameter("dryRun", "Only find out what would become of each row.", type="boolean"),
                parameter("format", "Whose columns it has.", type="string", enum=[each for each in _FORMATS if each]),
                parameter("filename", "What the import is called."),
                parameter("requestId", "A value of the caller's choice that names this upload; see CreateImport."),
            ],
            "requestBody": {"required": True, "content": {"text/csv": file, FORM_TYPE: {"schema": form}}},
            "responses": {"200": {"description": "The import, on its way.", "content": answer}},
        }
    }


def _json(content: bytes, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(content, status, {"Cache-Control": "no-store"} | (headers or {}), media_type="application/json")


def _too_large() -> Problem:
    message = f"A file may have {MAX_BYTES // 1024**2} MiB at most. Split it, and import the parts."
    return Problem(Code.INVALID_ARGUMENT, message, http_status=413)


def _refuse_form() -> NoReturn:
    raise Problem(
        Code.INVALID_ARGUMENT, f"This is no {FORM_TYPE} that can be read. Send the file as text/csv."
    ) from None
