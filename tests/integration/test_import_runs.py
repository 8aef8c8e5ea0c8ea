"""The work on imports: it stops anywhere and goes on there, on whichever process, and nothing is done twice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import grpc
import pytest
from sedifex.catalog.v1 import imports_pb2

from services.catalog import import_queries, imports
from services.catalog.import_queries import Job
from services.catalog.import_run import MAX_ATTEMPTS, ImportRun, LostError
from services.catalog.import_runner import Runner
from services.catalog.models import handle
from services.catalog.products import Occasion
from services.common.database import Database
from services.common.ids import ids_of, new_id
from services.common.times import now
from tests.integration.importing import ended, import_file, products, upload
from tests.system import Settings, System

Import = imports_pb2.Import


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The catalog's database, beside the running service and its runner."""
    url = settings.catalog.catalog_database_url.get_secret_value()
    with Database(handle, url, 4, "test-imports") as made:
        yield made


async def test_an_import_that_stops_after_any_batch_goes_on_behind_it(system: System, database: Database) -> None:
    store = await system.new_store()
    job = await upload(system.operator, store, _many(1_700))
    await database.write(_queue_and_claim, job, "runner-0")
    for number in range(1, 6):  # each one does a batch and dies without a word
        run = ImportRun(await database.write(_claim_from_the_dead, job, f"runner-{number}"))
        await database.write(run.keep_findings, await database.read(run.look_through))
        if wishes := await database.read(run.next_wishes):
            await database.write(run.apply, wishes, _occasion(), _new_product)
        else:
            await database.write(run.finish, now())
    done = await ended(system.operator, job.name)
    assert (done.created_count, done.updated_count, done.unchanged_count, done.row_count) == (1_700, 0, 0, 1_700)
    assert len(await products(system.operator, store)) == 1_700


async def test_a_runner_that_has_lost_its_import_writes_nothing_more(system: System, database: Database) -> None:
    store = await system.new_store()
    job = await upload(system.operator, store, _many(600))
    run = ImportRun(await database.write(_queue_and_claim, job, "late"))
    await database.write(run.keep_findings, await database.read(run.look_through))
    wishes = await database.read(run.next_wishes)
    await database.read(_let_lease_run_out, job)
    done = await ended(system.operator, job.name)  # the service's own runner has gone on with it
    with pytest.raises(LostError):
        await database.write(run.apply, wishes, _occasion(), _new_product)
    with pytest.raises(LostError):
        await database.read(ImportRun(run._job).look_through)
    assert (done.state, done.created_count) == (Import.STATE_SUCCEEDED, 600)


async def test_several_processes_share_what_waits(system: System, database: Database) -> None:
    stores = [await system.new_store() for _ in range(4)]
    jobs = [await upload(system.operator, store, _many(50)) for store in stores for _ in range(2)]
    runners = [asyncio.create_task(Runner(database, f"process-{number}").run()) for number in range(2)]
    for job in jobs:
        await system.operator.imports.StartImport(imports_pb2.StartImportRequest(name=job.name))
    done = [await ended(system.operator, job.name) for job in jobs]
    for runner in runners:
        runner.cancel()
    await asyncio.gather(*runners, return_exceptions=True)
    assert {each.state for each in done} == {Import.STATE_SUCCEEDED}
    assert [(each.created_count, each.unchanged_count) for each in done] == [(50, 0), (0, 50)] * 4


async def test_a_stopped_process_hands_its_import_on(system: System, database: Database) -> None:
    store = await system.new_store()
    job = await upload(system.operator, store, _many(20_000))
    runner = asyncio.create_task(Runner(database, "stops").run_next())
    store_id, import_id = ids_of(job.name)
    await database.write(imports.start_import, store_id, import_id, now())
    await asyncio.wait([runner], timeout=0.3)
    runner.cancel()
    await asyncio.gather(runner, return_exceptions=True)
    done = await ended(system.operator, job.name)
    assert (done.state, done.created_count, done.unchanged_count) == (Import.STATE_SUCCEEDED, 20_000, 0)


async def test_a_cancelled_import_ends_where_it_is(system: System, database: Database) -> None:
    store = await system.new_store()
    job = await upload(system.operator, store, _many(1_200))
    run = ImportRun(await database.write(_queue_and_claim, job, "runner"))
    await database.write(run.keep_findings, await database.read(run.look_through))
    await database.write(run.apply, await database.read(run.next_wishes), _occasion(), _new_product)
    request = imports_pb2.CancelImportRequest(name=job.name)
    for _ in range(2):
        done = (await system.operator.imports.CancelImport(request)).job
    with pytest.raises(LostError):
        await database.write(run.apply, await database.read(run.next_wishes), _occasion(), _new_product)
    assert (done.state, done.created_count) == (Import.STATE_CANCELLED, 500)
    assert len(await products(system.operator, store)) == 500
    store_id, import_id = ids_of(job.name)
    assert await database.read(import_queries.find_chunk, store_id, import_id, 0) is None, "its content is gone"


async def test_an_import_that_never_gets_any_further_is_given_up(system: System, database: Database) -> None:
    store = await system.new_store()
    job = await upload(system.operator, store, _many(10))
    await database.write(_queue_and_claim, job, "dies-0")
    for attempt in range(1, MAX_ATTEMPTS):
        await database.write(_claim_from_the_dead, job, f"dies-{attempt}")
    await database.read(_let_lease_run_out, job)
    done = await ended(system.operator, job.name)
    assert done.state == Import.STATE_FAILED
    assert "on our side" in done.error


async def test_what_is_left_lying_is_tidied_up(system: System, database: Database) -> None:
    store = await system.new_store()
    abandoned = await upload(system.operator, store, "Name\n")
    await database.write(imports.tidy_up, now() + imports.UPLOADS_KEPT + timedelta(minutes=1), 10)
    assert (await ended(system.operator, abandoned.name)).state == Import.STATE_CANCELLED
    await database.write(imports.tidy_up, now() + imports.JOBS_KEPT + timedelta(days=1), 1_000)
    with pytest.raises(grpc.aio.AioRpcError) as gone:
        await system.operator.imports.GetImport(imports_pb2.GetImportRequest(name=abandoned.name))
    assert gone.value.code() == grpc.StatusCode.NOT_FOUND


async def test_the_file_of_a_dry_run_is_kept_for_an_hour(system: System, database: Database) -> None:
    store = await system.new_store()
    tried = await import_file(system.operator, store, "Name\nShea\n", dry_run=True)
    await database.write(imports.tidy_up, now() + imports.CONTENT_KEPT - timedelta(minutes=1), 0)
    store_id, import_id = ids_of(tried.name)
    assert await database.read(import_queries.find_chunk, store_id, import_id, 0)
    await database.write(imports.tidy_up, now() + imports.CONTENT_KEPT + timedelta(minutes=1), 0)
    assert await database.read(import_queries.find_chunk, store_id, import_id, 0) is None


def _many(rows: int) -> str:
    return "Name,Price\n" + "".join(f"Product {number},{number}.50\n" for number in range(rows))


def _queue_and_claim(job: imports_pb2.Import, holder: str) -> Job:
    """Takes an import up before anybody else sees it: in one transaction."""
    store_id, import_id = ids_of(job.name)
    imports.start_import(store_id, import_id, now())
    return _claim(job, holder)


def _claim_from_the_dead(job: imports_pb2.Import, holder: str) -> Job:
    """Takes an import from a holder that has not been heard of, before anybody else does."""
    _let_lease_run_out(job)
    return _claim(job, holder)


def _claim(job: imports_pb2.Import, holder: str) -> Job:
    claimed = import_queries.claim_job(holder, 60.0, now())
    assert claimed is not None
    assert claimed.id == ids_of(job.name)[1]
    return claimed


def _let_lease_run_out(job: imports_pb2.Import) -> None:
    store_id, import_id = ids_of(job.name)
    statement = "UPDATE import_job SET lease_expire_time = '-infinity' WHERE store_id = %s AND id = %s"
    handle.execute_sql(statement, (store_id, import_id))


def _occasion() -> Occasion:
    return Occasion(now(), lambda: new_id("evt"))


def _new_product() -> str:
    return new_id("prod")
