"""Files of products: what comes of them, what is told of what is wrong, and what is refused."""

import asyncio
from pathlib import Path

import grpc
import psycopg2
import pytest
from sedifex.catalog.v1 import catalog_pb2, imports_pb2

from services.catalog import imports
from tests.integration.importing import ended, import_file, problems, products, upload
from tests.system import Client, System, error_info, refused

Code = grpc.StatusCode
Import = imports_pb2.Import
Product = catalog_pb2.Product
SAMPLES = Path(__file__).resolve().parents[1] / "samples"


async def test_a_name_and_a_price_are_enough(system: System) -> None:
    store = await system.new_store()
    job = await import_file(system.operator, store, "Name,Price\nShea,45\nMilo,\n")
    assert (job.state, job.created_count, job.row_count, job.total_row_count) == (Import.STATE_SUCCEEDED, 2, 2, 2)
    shea, milo = sorted(await products(system.operator, store), key=lambda each: each.display_name, reverse=True)
    assert (shea.display_name, shea.price.amount, shea.price.currency_code) == ("Shea", "45.00", "GHS")
    assert not milo.HasField("price")


async def test_a_file_says_how_it_was_read(system: System) -> None:
    store = await system.new_store()
    job = await import_file(system.operator, store, (SAMPLES / "windows.csv").read_bytes())
    assert (job.created_count, job.invalid_count) == (3, 0)
    findings = job.findings
    assert (findings.format, findings.encoding, findings.delimiter) == (Import.FORMAT_SEDIFEX, "windows-1252", ";")
    assert [(each.column, each.field) for each in findings.columns][:2] == [
        ("Item", "name"),
        ("Selling Price", "price"),
    ]
    assert list(findings.unused_columns) == ["Supplier"]
    assert [list(each.samples) for each in findings.columns][1] == ["1.250,00", "12,5", "2.500"]


@pytest.mark.parametrize(
    ("sample", "created", "other"), [("woocommerce.csv", 8, 3), ("shopify.csv", 5, 1), ("shop.csv", 5, 1)]
)
async def test_importing_a_file_again_changes_nothing_and_tells_nobody(
    system: System, databases: dict[str, str], sample: str, created: int, other: int
) -> None:
    store, content = await system.new_store(), (SAMPLES / sample).read_bytes()
    first = await import_file(system.operator, store, content)
    assert (first.created_count, first.invalid_count, first.other_count) == (created, 0, other)
    before, version = await products(system.operator, store), _version(databases, store)
    again = await import_file(system.operator, store, content)
    assert (again.created_count, again.updated_count, again.unchanged_count) == (0, 0, created)
    assert await products(system.operator, store) == before
    assert _version(databases, store) == version, "no change, so no event"


async def test_a_dry_run_says_what_would_be_and_changes_nothing(system: System, databases: dict[str, str]) -> None:
    store = await system.new_store()
    await import_file(system.operator, store, "Name,Price\nShea,45\nMilo,3\n")
    version = _version(databases, store)
    job = await import_file(system.operator, store, "Name,Price\nShea,45\nMilo,4\nGari,5\nRice,x\n", dry_run=True)
    assert (job.unchanged_count, job.updated_count, job.created_count, job.invalid_count) == (1, 1, 1, 1)
    assert _version(databases, store) == version
    assert len(await products(system.operator, store)) == 2


async def test_what_is_wrong_is_told_by_row_and_column_and_holds_nothing_up(system: System) -> None:
    store = await system.new_store()
    await _create(system.operator, store, Product(display_name="Taken", sku="A"))
    await _create(system.operator, store, Product(display_name="Twin"))
    await _create(system.operator, store, Product(display_name="Twin"))
    made = await _create(system.operator, store, Product(display_name="Braids", item_type=Product.ITEM_TYPE_SERVICE))
    product_id = made.name.rpartition("/")[2]
    content = (
        f"Name,Price,SKU,Stock,Id\nShea,45,,,\nMilo,abc,,,\nTwin,3,,,\nBraids,4,A,2,{product_id}\nBraids 2,1,,1,\n"
    )
    job = await import_file(system.operator, store, content)
    assert (job.created_count, job.invalid_count, job.problem_count) == (2, 3, 3)
    told = [(each.row_number, each.column, each.value) for each in await problems(system.operator, job.name)]
    assert told == [(3, "Price", "abc"), (4, "Name", "Twin"), (5, "Stock", "")]
    page = await system.operator.imports.ListImportProblems(
        imports_pb2.ListImportProblemsRequest(parent=job.name, page_size=1)
    )
    assert page.problems[0].description == "is not an amount. Write it like 45.00"
    assert page.next_page_token


async def test_a_row_is_about_the_product_of_its_id_else_of_its_sku_else_of_its_name(system: System) -> None:
    store = await system.new_store()
    by_id = await _create(system.operator, store, Product(display_name="One", sku="S1"))
    by_sku = await _create(system.operator, store, Product(display_name="Two", sku="S2"))
    by_name = await _create(system.operator, store, Product(display_name="Three", description="Kept."))
    rows = [
        f"{by_id.name.rpartition('/')[2]},Uno,S9,1",
        "foreign-7,Dos,S2,2",
        ",Three,S3,3",
        ",Three,S4,4",
    ]
    job = await import_file(system.operator, store, "id,name,sku,price\n" + "\n".join(rows))
    assert (job.updated_count, job.created_count, job.invalid_count) == (3, 1, 0)
    found = {each.name: each for each in await products(system.operator, store)}
    assert (found[by_id.name].display_name, found[by_id.name].sku) == ("Uno", "S9")
    assert found[by_sku.name].display_name == "Dos"
    assert (found[by_name.name].sku, found[by_name.name].description) == ("S3", "Kept.")
    again = await import_file(system.operator, store, "id,name,sku,price\n" + "\n".join(rows))
    assert again.unchanged_count == 4


async def test_alt_texts_that_the_file_does_not_have_stay(system: System) -> None:
    store = await system.new_store()
    image = catalog_pb2.ProductImage(uri="https://x.example/a.jpg", alt_text="A tub", width_pixels=800)
    await _create(system.operator, store, Product(display_name="Shea", images=[image]))
    job = await import_file(system.operator, store, "Name,Image\nShea,https://x.example/a.jpg\n")
    assert job.unchanged_count == 1


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"Foo\nx\n", b"Name\n", b'Name\n"x\n', b"\x00\x01"])
async def test_a_file_that_cannot_be_read_fails_with_a_sentence(system: System, content: bytes) -> None:
    store = await system.new_store()
    job = await import_file(system.operator, store, content)
    assert job.state == Import.STATE_FAILED
    assert job.error.endswith(".")
    assert "our side" not in job.error


async def test_problems_are_kept_up_to_a_thousand_and_all_counted(system: System) -> None:
    store = await system.new_store()
    job = await import_file(system.operator, store, "Name,Price\n" + "x,y\n" * 1_300)
    assert (job.invalid_count, job.problem_count) == (1_300, 1_300)
    assert len(await problems(system.operator, job.name)) == 1_000


async def test_a_piece_may_come_twice_but_none_may_be_left_out(system: System) -> None:
    store = await system.new_store()
    job = await upload(system.operator, store, "Name\n")
    again = imports_pb2.AppendImportContentRequest(name=job.name, offset=0, content=b"Name\n")
    assert (await system.operator.imports.AppendImportContent(again)).job.size_bytes == 5
    for offset, content in ((9, b"x"), (0, b"Nome\n"), (2, b"me\n")):
        request = imports_pb2.AppendImportContentRequest(name=job.name, offset=offset, content=content)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await system.operator.imports.AppendImportContent(request)
        assert refused.value.code() == Code.FAILED_PRECONDITION
        info = error_info(refused.value)
        assert (info.reason, info.metadata["offset"]) == ("OFFSET_MISMATCH", "5")


async def test_a_file_has_a_largest_size(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MAX_BYTES", 8)
    store = await system.new_store()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await upload(system.operator, store, "Name,Price\n")
    assert refused.value.code() == Code.INVALID_ARGUMENT
    assert error_info(refused.value).reason == "FILE_TOO_LARGE"


async def test_a_store_has_five_imports_at_once_at_most(system: System) -> None:
    store = await system.new_store()
    jobs = [await upload(system.operator, store, "") for _ in range(5)]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await upload(system.operator, store, "")
    assert refused.value.code() == Code.RESOURCE_EXHAUSTED
    await system.operator.imports.CancelImport(imports_pb2.CancelImportRequest(name=jobs[0].name))
    await upload(system.operator, store, "")


async def test_a_repeat_of_a_creation_answers_with_what_the_first_made(system: System) -> None:
    store = await system.new_store()
    request = imports_pb2.CreateImportRequest(parent=store, request_id="11111111-2222")
    made = await asyncio.gather(*(system.operator.imports.CreateImport(request) for _ in range(3)))
    assert len({each.job.name for each in made}) == 1


async def test_what_has_no_content_cannot_be_started(system: System) -> None:
    store = await system.new_store()
    job = await upload(system.operator, store, "")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await system.operator.imports.StartImport(imports_pb2.StartImportRequest(name=job.name))
    assert error_info(refused.value).reason == "IMPORT_EMPTY"


async def test_only_those_who_may_write_may_import(system: System) -> None:
    store = await system.new_store()
    _, reader = await system.new_key(store, ["catalog.read"])
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await upload(reader, store, "Name\n")
    assert refused.value.code() == Code.PERMISSION_DENIED
    _, writer = await system.new_key(store, ["catalog.write"])
    job = await import_file(writer, store, "Name\nShea\n")
    assert job.created_count == 1
    listed = await writer.imports.ListImports(imports_pb2.ListImportsRequest(parent=store))
    assert [each.name for each in listed.imports] == [job.name]


async def _create(client: Client, store: str, product: catalog_pb2.Product) -> catalog_pb2.Product:
    request = catalog_pb2.CreateProductRequest(parent=store, product=product)
    made: catalog_pb2.Product = (await client.catalog.CreateProduct(request)).product
    return made


def _version(databases: dict[str, str], store: str) -> int:
    """Counts the changes of the store's products: no change, no event."""
    with psycopg2.connect(databases["catalog"]) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT version FROM store WHERE id = %s", (store.removeprefix("stores/"),))
        row = cursor.fetchone()
    connection.close()
    assert row is not None
    return int(row[0])


async def test_the_file_of_a_dry_run_is_imported_without_being_sent_again(system: System) -> None:
    store = await system.new_store()
    tried = await import_file(system.operator, store, "Name,Price\nShea,45\n", dry_run=True)
    job = await _import_of(system, store, tried)
    await system.operator.imports.StartImport(imports_pb2.StartImportRequest(name=job.name))
    assert (await ended(system.operator, job.name)).created_count == 1
    assert [each.display_name for each in await products(system.operator, store)] == ["Shea"]
    await refused(_import_of(system, store, tried), Code.FAILED_PRECONDITION, "CONTENT_GONE", "Send it again")


async def test_only_the_newest_dry_run_of_a_store_keeps_its_file(system: System) -> None:
    store = await system.new_store()
    first = await import_file(system.operator, store, "Name\nShea\n", dry_run=True)
    second = await import_file(system.operator, store, "Name\nMilo\n", dry_run=True)
    await refused(_import_of(system, store, first), Code.FAILED_PRECONDITION, "CONTENT_GONE")
    assert (await _import_of(system, store, second)).size_bytes == len("Name\nMilo\n")


async def test_only_a_dry_run_gives_its_file_away_and_only_within_its_store(system: System) -> None:
    store, other = await system.new_store(), await system.new_store()
    done = await import_file(system.operator, store, "Name\nShea\n")
    await refused(_import_of(system, store, done), Code.FAILED_PRECONDITION, "CONTENT_GONE")
    tried = await import_file(system.operator, store, "Name\nMilo\n", dry_run=True)
    await refused(_import_of(system, other, tried), Code.INVALID_ARGUMENT, says="must be of stores/")


async def _import_of(system: System, store: str, tried: imports_pb2.Import) -> imports_pb2.Import:
    request = imports_pb2.CreateImportRequest(parent=store, dry_run=tried.name)
    answer: imports_pb2.CreateImportResponse = await system.operator.imports.CreateImport(request)
    return answer.job
