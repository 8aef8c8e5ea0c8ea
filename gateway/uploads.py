"""Files in one call: POST /v1/stores/{store}/imports:upload takes a CSV file and starts an import of it.

The file is passed on piece by piece as it comes, under the caller's own credential, so the gateway holds a piece of it
and never the whole.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import grpc
from sedifex.catalog.v1 import imports_pb2, imports_pb2_grpc
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.answering import answer
from gateway.transcoding import Encoder, Problem
from gateway.transcoding.errors import problem_from_rpc
from gateway.transcoding.responses import refer
from gateway.uploaded_file import FORM_TYPE, UploadedFile

PATH = "/v1/stores/{store}/imports:upload"
DEADLINE_S = 20.0
"""Of each call to the service."""
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
            return Response(self._write(job), headers={"Cache-Control": "no-store"}, media_type="application/json")
        return answer(problem)

    async def _take(self, request: Request) -> imports_pb2.Import:
        wanted = _wanted(request)
        file = UploadedFile.of(request)
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

    async def _fill(self, name: str, file: UploadedFile, call: dict[str, Any]) -> imports_pb2.Import:
        offset = 0
        async for piece in file.pieces():
            append = imports_pb2.AppendImportContentRequest(name=name, offset=offset, content=piece)
            await self._imports.AppendImportContent(append, **call)
            offset += len(piece)
        return (await self._imports.StartImport(imports_pb2.StartImportRequest(name=name), **call)).job

    async def _cancel(self, name: str, call: dict[str, Any]) -> None:
        with suppress(grpc.aio.AioRpcError):  # it ends by itself within the hour
            await self._imports.CancelImport(imports_pb2.CancelImportRequest(name=name), **call)


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
    failures = [400, 404, 408, 409, 413, 415, 500, 503, 504]
    return {
        "post": {
            "operationId": "ImportsService_UploadImport",
            "tags": ["Imports"],
            "summary": "Uploads a CSV file and starts an import of it",
            "description": "The file is the body itself, or the one file of a form. CreateImport, AppendImportContent "
            "and StartImport in one call.\n\n**Who may call:** as CreateImport.",
            "parameters": [
                {
                    "name": "store",
                    "in": "path",
                    "required": True,
                    "description": "The store of the name `stores/{store}`.",
                    "schema": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{1,62}$", "examples": ["st_makola"]},
                },
                parameter("dryRun", "Only find out what would become of each row.", type="boolean"),
                parameter("format", "Whose columns it has.", type="string", enum=[each for each in _FORMATS if each]),
                parameter("filename", "What the import is called.", type="string", maxLength=200),
                parameter(
                    "requestId",
                    "A value of the caller's choice that names this upload; see CreateImport.",
                    type="string",
                    pattern="^$|^.{8,128}$",
                ),
            ],
            "requestBody": {"required": True, "content": {"text/csv": file, FORM_TYPE: {"schema": form}}},
            "responses": {"200": {"description": "The import, on its way.", "content": answer}}
            | {str(status): refer(status) for status in failures},
        }
    }
