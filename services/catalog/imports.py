"""Imports as jobs: created, given their content, started, cancelled, looked at. What works on them is `import_run`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.catalog import import_queries, writing
from services.catalog.import_queries import OPEN, Job
from services.catalog.importing.wishes import RowProblem
from services.common.errors import Exhausted, FailedPrecondition, InvalidArgument, NotFound
from services.common.paging import Page, PageRequest

MAX_BYTES = 64 * 1024 * 1024
MAX_OPEN = 5
"""Imports of a store that have not ended."""
UPLOADS_KEPT = timedelta(hours=1)
"""How long an import waits for more of its content."""
CONTENT_KEPT = timedelta(hours=1)
"""How long the file of a dry run can be imported without being sent again."""
JOBS_KEPT = timedelta(days=30)
_GIVEN_UP = "The file never came as a whole. Import it again."


@dataclass(frozen=True)
class NewImport:
    """A wish for an import."""

    store_id: str
    display_name: str
    format: str
    dry_run: bool
    request_id: str = ""
    """What makes a repeat harmless; empty: nothing."""
    dry_run_id: str = ""
    """The dry run whose file it takes over; empty: it is to come."""


def create_import(wanted: NewImport, new_import_id: Callable[[], str], now: datetime) -> Job:
    """Adds an import; a repeat of the request that added it answers with it, as it is now.

    Raises:
        NotFound: there is no such store.
        Exhausted: the store has too many that have not ended.
        FailedPrecondition: the file of the dry run is not there any more.
    """
    writing.open_store(wanted.store_id)  # two creations at a time would both count what was there before
    if wanted.request_id and (made := import_queries.find_job_by_request(wanted.store_id, wanted.request_id)):
        return made
    if import_queries.count_open_jobs(wanted.store_id) >= MAX_OPEN:
        raise Exhausted(
            f"This store has {MAX_OPEN} imports that have not ended. Wait for one of them, or cancel it.",
            reason="TOO_MANY_IMPORTS",
            retry_after=10,
        )
    job = Job(
        store_id=wanted.store_id,
        id=new_import_id(),
        request_id=wanted.request_id or None,
        display_name=wanted.display_name,
        format=wanted.format,
        dry_run=wanted.dry_run,
        state="uploading",
        create_time=now,
        update_time=now,
    )
    import_queries.insert_job(job)
    if wanted.dry_run_id:
        _take_over(get_import(wanted.store_id, wanted.dry_run_id), job)
    return get_import(job.store_id, job.id)


def _take_over(source: Job, job: Job) -> None:
    is_kept = source.dry_run and source.state == "succeeded"
    if not is_kept or not import_queries.move_content(source, job.id):
        raise FailedPrecondition(
            "The file of this dry run is not here any more: it is kept for an hour, until the next dry run, and for "
            "one import. Send it again.",
            reason="CONTENT_GONE",
        )


def append_content(store_id: str, import_id: str, offset: int, content: bytes, now: datetime) -> Job:
    """Adds a piece of the file; a piece that is there already changes nothing.

    Raises:
        NotFound: there is no such import.
        InvalidArgument: the file would be too large.
        FailedPrecondition: its content is complete, or this piece does not begin where it ends.
    """
    job = _locked(store_id, import_id)
    if offset < job.size_bytes and import_queries.find_chunk(store_id, import_id, offset) == content:
        return job
    if job.state != "uploading":
        raise FailedPrecondition("This import has been started or has ended. Create another.", reason="IMPORT_STARTED")
    if offset != job.size_bytes:
        raise FailedPrecondition(
            f"The content has {job.size_bytes} bytes so far. Go on with the piece that begins there.",
            reason="OFFSET_MISMATCH",
            metadata={"offset": str(job.size_bytes)},
        )
    if offset + len(content) > MAX_BYTES:
        raise InvalidArgument(
            f"A file may have {MAX_BYTES // 1024**2} MiB at most. Split it, and import the parts.",
            reason="FILE_TOO_LARGE",
        )
    import_queries.append_chunk(job, content, now)
    return get_import(store_id, import_id)


def start_import(store_id: str, import_id: str, now: datetime) -> Job:
    """Lets an import wait for its turn; one that was started before stays as it is.

    Raises:
        NotFound: there is no such import.
        FailedPrecondition: it has no content, or was cancelled.
    """
    job = _locked(store_id, import_id)
    if job.state == "cancelled":
        raise FailedPrecondition("This import was cancelled. Create another.", reason="IMPORT_CANCELLED")
    if job.state != "uploading":
        return job
    if not job.size_bytes:
        raise FailedPrecondition("This import has no content. Append the file first.", reason="IMPORT_EMPTY")
    import_queries.queue_job(store_id, import_id, now)
    return get_import(store_id, import_id)


def cancel_import(store_id: str, import_id: str, now: datetime) -> Job:
    """Ends an import where it is; one that has ended stays as it is.

    Raises:
        NotFound: there is no such import.
    """
    job = _locked(store_id, import_id)
    if job.state not in OPEN:
        return job
    import_queries.end_job(store_id, import_id, "cancelled", "", now)
    import_queries.delete_content(store_id, import_id)
    return get_import(store_id, import_id)


def get_import(store_id: str, import_id: str) -> Job:
    """The import of this id.

    Raises:
        NotFound: there is none.
    """
    job = import_queries.find_job(store_id, import_id)
    if job is None:
        raise _no_import(store_id, import_id)
    return job


def list_imports(store_id: str, request: PageRequest) -> Page[Job]:
    """A page of the store's imports, newest first."""
    return request.page(import_queries.list_jobs(store_id, request.after, request.limit), lambda job: [job.id])


def list_problems(store_id: str, import_id: str, request: PageRequest) -> Page[tuple[int, RowProblem]]:
    """A page of an import's problems, with their numbers; `request` is by number.

    Raises:
        NotFound: there is no such import.
    """
    get_import(store_id, import_id)
    after = int(request.after[0]) if request.after is not None else 0
    rows = import_queries.list_problems(store_id, import_id, after, request.limit)
    return request.page(rows, lambda row: [row[0]])


def tidy_up(now: datetime, limit: int) -> None:
    """Ends uploads that nobody goes on with, lets go of files that nobody has imported, and forgets imports that ended
    long ago, some at a time."""
    import_queries.end_abandoned_uploads(now - UPLOADS_KEPT, _GIVEN_UP, now)
    import_queries.delete_kept_content(now - CONTENT_KEPT)
    import_queries.forget_jobs(now - JOBS_KEPT, limit)


def _locked(store_id: str, import_id: str) -> Job:
    job = import_queries.lock_job(store_id, import_id)
    if job is None:
        raise _no_import(store_id, import_id)
    return job


def _no_import(store_id: str, import_id: str) -> NotFound:
    return NotFound(f"There is no import stores/{store_id}/imports/{import_id}.", reason="IMPORT_NOT_FOUND")
