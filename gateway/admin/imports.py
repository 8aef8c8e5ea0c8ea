"""Files of products: shown what they would do first, then imported, with their progress and what was refused."""

import secrets
from contextlib import suppress

import grpc
from sedifex.catalog.v1 import imports_pb2
from starlette.datastructures import UploadFile
from starlette.responses import Response

from gateway.admin.family import Family, Nav
from gateway.admin.forms import NO_PROBLEMS, Problems, problems_of, sentence
from gateway.admin.protection import protect
from gateway.admin.visit import Visit
from gateway.uploaded_file import PIECE_BYTES
from services.common.status import info_of

family = Family("imports", "/imports", Nav("Imports", "upload", "Shop"))

Import = imports_pb2.Import

PAGE_SIZE = 25
PROBLEMS_SIZE = 50
ENDED = {Import.STATE_SUCCEEDED, Import.STATE_FAILED, Import.STATE_CANCELLED}
FORMATS = {
    "FORMAT_AUTO": "Find out by itself",
    "FORMAT_SEDIFEX": "My own spreadsheet",
    "FORMAT_WOOCOMMERCE": "WooCommerce export",
    "FORMAT_SHOPIFY": "Shopify export",
}
SAMPLE = (
    "\ufeffName,Price,Stock,Low stock,SKU,Category,Kind,Description,Pictures\r\n"
    "Raw Shea Butter 500g,45.00,32,10,SHEA-500,Skin Care,Product,Unrefined. From Tamale.,\r\n"
    '"Milo Tin, 400g","1,062.50",3,6,MILO-400,Food & Beverages,Product,,\r\n'
    "Knotless Braids,250.00,,,,Hair Care,Service,Bring your own hair or choose from ours.,\r\n"
    "Custom Kente Stole,,,,,Fashion,Made to order,Ask for the price.,\r\n"
)
"""Its first letter tells spreadsheets that it is UTF-8."""
_FIELDS = {
    "id": "Sedifex’s id",
    "name": "Name",
    "sku": "SKU",
    "barcode": "Bar code",
    "compare_at": "Price before it was reduced",
    "regular_price": "Price before a sale",
    "low_stock": "Low from",
    "item_type": "Kind",
    "images": "Pictures",
    "image": "Picture",
    "image_alt": "What a picture shows",
    "status": "Published or draft",
    "website_visible": "Shown on websites",
    "sort_order": "Place in lists",
    "handle": "Which product the row belongs to",
}


@family.get(needs="ImportsService.ListImports")
async def list_imports(visit: Visit) -> Response:
    """The imports of the last 30 days."""
    request = imports_pb2.ListImportsRequest(
        parent=visit.store.name, page_size=PAGE_SIZE, page_token=visit.query("page")
    )
    found = await visit.services.imports.ListImports(request)
    return visit.show("imports/list.html", imports=found.imports, next_token=found.next_page_token)


@family.get("/new", needs="ImportsService.CreateImport")
async def choose_file(visit: Visit) -> Response:
    """Asks for the file."""
    return _show_choice(visit, NO_PROBLEMS)


@family.get("/sample.csv", needs="ImportsService.CreateImport")
async def download_sample(visit: Visit) -> Response:
    """A file to begin with."""
    headers = {"Content-Disposition": 'attachment; filename="sedifex-products.csv"'}
    response = Response(SAMPLE, headers=headers, media_type="text/csv")
    protect(response, visit.policy)
    return response


@family.post("/new", needs="ImportsService.CreateImport", file=True)
async def upload(visit: Visit) -> Response:
    """Takes the file in and finds out what it would do; changes nothing yet."""
    file = visit.form.file("file")
    if file is None:
        return _show_choice(visit, Problems("", {"file": "Choose the file first."}))
    chosen = visit.form["format"] if visit.form["format"] in FORMATS else "FORMAT_AUTO"
    job = Import(display_name=(file.filename or "")[:200], format=Import.Format.Value(chosen), dry_run=True)
    request = imports_pb2.CreateImportRequest(
        parent=visit.store.name, job=job, request_id=visit.form["request_id"] or secrets.token_urlsafe(16)
    )
    try:
        made = (await visit.services.imports.CreateImport(request)).job
        if made.state == Import.STATE_UPLOADING:
            await _send(visit, made.name, file)
    except grpc.aio.AioRpcError as error:
        return _show_choice(visit, _upload_problems(error))
    return visit.go(visit.at("imports", made.name.rpartition("/")[2]))


@family.get("/{id}", needs="ImportsService.GetImport")
async def show_import(visit: Visit) -> Response:
    """How far an import is, what it does or would do, and what of the file is refused."""
    job = (await visit.services.imports.GetImport(imports_pb2.GetImportRequest(name=visit.name("imports")))).job
    wanted = imports_pb2.ListImportProblemsRequest(
        parent=job.name, page_size=PROBLEMS_SIZE, page_token=visit.query("page")
    )
    found = await visit.services.imports.ListImportProblems(wanted)
    return visit.show(
        "imports/import.html",
        job=job,
        is_open=job.state not in ENDED,
        found=found.problems,
        next_token=found.next_page_token,
        told=told,
        field_word=field_word,
        format_word=FORMATS.get(Import.Format.Name(job.findings.format), ""),
    )


@family.post("/{id}/import", needs="ImportsService.CreateImport")
async def import_previewed(visit: Visit) -> Response:
    """Imports the file of a preview. Pressed twice it is imported once."""
    service, tried = visit.services.imports, visit.name("imports")
    shown = (await service.GetImport(imports_pb2.GetImportRequest(name=tried))).job
    job = Import(display_name=shown.display_name, format=shown.findings.format)
    request_id = f"import-of-{visit.request.path_params['id']}"
    request = imports_pb2.CreateImportRequest(parent=visit.store.name, job=job, request_id=request_id, dry_run=tried)
    try:
        made = (await service.CreateImport(request)).job
        if made.state == Import.STATE_UPLOADING:
            await service.StartImport(imports_pb2.StartImportRequest(name=made.name))
    except grpc.aio.AioRpcError as error:
        if info_of(error).reason == "CONTENT_GONE":
            gone = "The file of that preview is not here any more: it is kept for an hour. Choose it once more."
            return visit.go(visit.at("imports", "new"), gone, "warning")
        return visit.go(visit.at("imports", visit.request.path_params["id"]), problems_of(error).general, "danger")
    return visit.go(visit.at("imports", made.name.rpartition("/")[2]))


@family.post("/{id}/cancel", needs="ImportsService.CancelImport")
async def cancel(visit: Visit) -> Response:
    """Ends an import where it is."""
    await visit.services.imports.CancelImport(imports_pb2.CancelImportRequest(name=visit.name("imports")))
    return visit.go(visit.at("imports", visit.request.path_params["id"]), "The import is cancelled.")


def told(problem: imports_pb2.ImportProblem) -> str:
    """What is wrong with a row, as a sentence."""
    about = f"“{problem.value}”" if problem.value else problem.column or "This row"
    return sentence(f"{about} {problem.description}")


def field_word(name: str) -> str:
    """What people call the field that a column was taken for."""
    return _FIELDS.get(name, name.replace("_", " ").capitalize())


def _show_choice(visit: Visit, problems: Problems) -> Response:
    return visit.show(
        "imports/new.html",
        400 if problems else 200,
        formats=list(FORMATS.items()),
        chosen=visit.form["format"] or "FORMAT_AUTO",
        request_id=secrets.token_urlsafe(16),
        problems=problems,
    )


async def _send(visit: Visit, name: str, file: UploadFile) -> None:
    """Passes the file on, piece by piece, and starts the import."""
    service, offset = visit.services.imports, 0
    try:
        while piece := await file.read(PIECE_BYTES):
            append = imports_pb2.AppendImportContentRequest(name=name, offset=offset, content=piece)
            await service.AppendImportContent(append)
            offset += len(piece)
        await service.StartImport(imports_pb2.StartImportRequest(name=name))
    except BaseException:
        with suppress(grpc.aio.AioRpcError):  # it ends by itself within the hour
            await service.CancelImport(imports_pb2.CancelImportRequest(name=name))
        raise


def _upload_problems(error: grpc.aio.AioRpcError) -> Problems:
    if info_of(error).reason == "IMPORT_EMPTY":
        return Problems("", {"file": "This file is empty. Choose another one."})
    return problems_of(error)
