"""ImportsService of the contract: reads requests, calls the domain, writes answers."""

from sedifex.catalog.v1 import imports_pb2, imports_pb2_grpc

from services.catalog import imports
from services.catalog.import_messages import format_word, import_message, problem_message
from services.catalog.imports import NewImport
from services.common.database import Database
from services.common.errors import InvalidArgument
from services.common.ids import ids_of, new_id
from services.common.paging import PageRequest
from services.common.server import Context
from services.common.times import now


class ImportsServicer(imports_pb2_grpc.ImportsServiceServicer):
    """See proto/sedifex/catalog/v1/imports.proto for what each method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def CreateImport(
        self, request: imports_pb2.CreateImportRequest, _context: Context
    ) -> imports_pb2.CreateImportResponse:
        """Creates an import."""
        (store_id,) = ids_of(request.parent)
        wanted = NewImport(
            store_id,
            request.job.display_name,
            format_word(request.job.format),
            request.job.dry_run,
            request.request_id,
            _dry_run_of(request),
        )
        job = await self._database.write(imports.create_import, wanted, lambda: new_id("imp"), now())
        return imports_pb2.CreateImportResponse(job=import_message(job))

    async def AppendImportContent(
        self, request: imports_pb2.AppendImportContentRequest, _context: Context
    ) -> imports_pb2.AppendImportContentResponse:
        """Appends a piece of the file."""
        store_id, import_id = ids_of(request.name)
        job = await self._database.write(
            imports.append_content, store_id, import_id, request.offset, request.content, now()
        )
        return imports_pb2.AppendImportContentResponse(job=import_message(job))

    async def StartImport(
        self, request: imports_pb2.StartImportRequest, _context: Context
    ) -> imports_pb2.StartImportResponse:
        """Starts an import."""
        store_id, import_id = ids_of(request.name)
        job = await self._database.write(imports.start_import, store_id, import_id, now())
        return imports_pb2.StartImportResponse(job=import_message(job))

    async def GetImport(
        self, request: imports_pb2.GetImportRequest, _context: Context
    ) -> imports_pb2.GetImportResponse:
        """Gets an import."""
        store_id, import_id = ids_of(request.name)
        job = await self._database.read(imports.get_import, store_id, import_id)
        return imports_pb2.GetImportResponse(job=import_message(job))

    async def ListImports(
        self, request: imports_pb2.ListImportsRequest, _context: Context
    ) -> imports_pb2.ListImportsResponse:
        """Lists the imports of a store."""
        (store_id,) = ids_of(request.parent)
        wanted = PageRequest.parse(request.page_size, request.page_token, request.parent, "imports")
        page = await self._database.read(imports.list_imports, store_id, wanted)
        return imports_pb2.ListImportsResponse(
            imports=map(import_message, page.rows), next_page_token=page.next_page_token
        )

    async def ListImportProblems(
        self, request: imports_pb2.ListImportProblemsRequest, _context: Context
    ) -> imports_pb2.ListImportProblemsResponse:
        """Lists what was wrong with rows."""
        store_id, import_id = ids_of(request.parent)
        wanted = PageRequest.parse(request.page_size, request.page_token, request.parent, position=(int,))
        page = await self._database.read(imports.list_problems, store_id, import_id, wanted)
        return imports_pb2.ListImportProblemsResponse(
            problems=[problem_message(problem) for _, problem in page.rows], next_page_token=page.next_page_token
        )

    async def CancelImport(
        self, request: imports_pb2.CancelImportRequest, _context: Context
    ) -> imports_pb2.CancelImportResponse:
        """Cancels an import."""
        store_id, import_id = ids_of(request.name)
        job = await self._database.write(imports.cancel_import, store_id, import_id, now())
        return imports_pb2.CancelImportResponse(job=import_message(job))


def _dry_run_of(request: imports_pb2.CreateImportRequest) -> str:
    """The id of the dry run whose file is to be imported; empty: none.

    Raises:
        InvalidArgument: it is another store's.
    """
    if not request.dry_run:
        return ""
    if not request.dry_run.startswith(f"{request.parent}/"):
        raise InvalidArgument.field("dry_run", f"must be of {request.parent}")
    return ids_of(request.dry_run)[-1]
