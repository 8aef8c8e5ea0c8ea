"""The work on one import: look through the file, then take its rows over, a batch a transaction.

What a batch has done and that it is done are written in one transaction. So wherever the work stops, it goes on behind
the last batch that was committed: the file is read from its beginning again and what has been dealt with is skipped.
That costs a second or two for a large file, and spares keeping the state of a decoder, a CSV parser and a format.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice

from services.catalog import batch, import_queries, writing
from services.catalog.batch import Result, Row
from services.catalog.import_matching import find_known, row_of
from services.catalog.import_queries import Findings, Job, Progress
from services.catalog.importing import survey
from services.catalog.importing.survey import FormatName, Survey
from services.catalog.importing.wishes import RowProblem, Wish
from services.catalog.products import Occasion

BATCH = 500
"""Wishes a transaction: it holds the store's lock for a few tenths of a second."""
LEASE_S = 15.0
"""How long others wait when a runner has died. Kept up with every batch and every piece of the file."""
MAX_PROBLEMS = 1_000
"""Kept of an import; the rest is counted."""
MAX_ATTEMPTS = 5
"""How often an import is taken up without getting any further."""

_WANTED: dict[str, FormatName | None] = {
    "auto": None,
    "sedifex": "sedifex",
    "woocommerce": "woocommerce",
    "shopify": "shopify",
}
_PLAIN_WORDS = {
    "sku": "is the SKU of another product of this shop. A SKU names one product only",
    "stock_count": "is for goods only, and this product is a service, a course or the like. Leave it empty",
    "compare_at_price": "must be above the price. It is what the product cost before; empty it otherwise",
    "price": "must be there: the product has prices in other currencies, or one from before it was reduced",
    "other_prices": "is in a currency in which the product has another price already",
}


class LostError(Exception):
    """The import is not this runner's any more: it was cancelled, or another one goes on with it."""


class ImportRun:
    """The work of one runner on one import. Its methods are called one after the other, on whatever thread."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._to_skip = job.wish_count
        self._stopped = threading.Event()
        self._found: Survey | None = None
        self._wishes: Iterator[Wish] | None = None

    def stop(self) -> None:
        """Makes a method that reads the file end soon, with LostError. From any thread."""
        self._stopped.set()

    def look_through(self) -> Findings:
        """Surveys the file.

        Raises:
            UnreadableError: it cannot be taken over.
            LostError: see there.
        """
        found = self._found = survey.survey(self._chunks, _WANTED[self._job.format])
        self._wishes = survey.read_wishes(self._chunks, found, self._today())
        names = found.columns.names
        pairs = sorted(((names[field], field) for field in names), key=lambda pair: found.columns.at[pair[1]])
        samples = [found.samples[found.columns.at[field]] for _, field in pairs]
        return Findings(found.format, found.shown_encoding, found.delimiter, pairs, found.columns.unused[:200], samples)

    def keep_findings(self, findings: Findings) -> None:
        """Writes down what was found out."""
        self._lock()
        import_queries.save_findings(self._job, findings, self._survey().rows)

    def next_wishes(self) -> list[Wish]:
        """The wishes of the next batch, none at the end of the file; the first time, those behind what is done.

        Raises:
            LostError: see there.
        """
        if self._wishes is None:
            raise LostError
        for _ in islice(self._wishes, self._to_skip):
            pass
        self._to_skip = 0
        return list(islice(self._wishes, BATCH))

    def apply(self, wishes: Sequence[Wish], occasion: Occasion, new_product_id: Callable[[], str]) -> None:
        """Does what a batch wishes, and notes that it is done. Wants a transaction.

        Raises:
            LostError: see there.
        """
        job, found = self._lock(), self._survey()
        writing.open_store(job.store_id)
        known = find_known(job.store_id, wishes)
        rows = [row_of(wish, known, found.columns.names["name"]) if not wish.problems else Row() for wish in wishes]
        wanted = [Row() if isinstance(row, RowProblem) else row for row in rows]
        results = batch.upsert_products(job.store_id, wanted, occasion, new_product_id, dry_run=job.dry_run)
        problems = [
            problem
            for wish, row, result in zip(wishes, rows, results, strict=True)
            for problem in (*wish.problems, *([row] if isinstance(row, RowProblem) else ()), *self._told(wish, result))
        ]
        kept = problems[: max(0, MAX_PROBLEMS - job.problem_count)]
        import_queries.insert_problems(job, job.problem_count + 1, kept)
        counts = Counter(result.outcome for result in results)
        progress = Progress(
            wishes=len(wishes),
            last_row=wishes[-1].row - found.first_row + 1,
            created=counts["created"],
            updated=counts["updated"],
            unchanged=counts["unchanged"],
            invalid=counts["invalid"],
            problems=len(problems),
        )
        import_queries.save_progress(job, progress, LEASE_S, occasion.now)

    def finish(self, now: datetime) -> None:
        """Ends the import as one that has succeeded. Wants a transaction."""
        job = self._lock()
        rows = self._survey().rows
        last = Progress(0, rows, 0, 0, 0, 0, 0)
        import_queries.save_progress(job, last, LEASE_S, now)
        import_queries.end_job(job.store_id, job.id, "succeeded", "", now)
        if not job.dry_run:  # the file of a dry run may be wanted at once
            import_queries.delete_content(job.store_id, job.id)
        import_queries.delete_older_content(job.store_id, job.id)

    def fail(self, words: str, now: datetime) -> None:
        """Ends the import as one that cannot go on, in words for its owner. Wants a transaction."""
        job = self._lock()
        import_queries.end_job(job.store_id, job.id, "failed", words, now)
        import_queries.delete_content(job.store_id, job.id)

    def _lock(self) -> Job:
        """The import as it is now, locked; nobody else can take it over until the transaction ends."""
        job = import_queries.lock_job(self._job.store_id, self._job.id)
        if job is None or job.state != "running" or job.lease_holder != self._job.lease_holder:
            raise LostError
        return job

    def _chunks(self) -> Iterator[bytes]:
        """The file's content, piece by piece; keeps the lease up meanwhile."""
        offset = 0
        while offset < self._job.size_bytes:
            if self._stopped.is_set() or not import_queries.extend_lease(self._job, LEASE_S):
                raise LostError
            chunk = import_queries.find_chunk(self._job.store_id, self._job.id, offset)
            if not chunk:
                raise LostError
            yield chunk
            offset += len(chunk)

    def _survey(self) -> Survey:
        if self._found is None:
            raise LostError
        return self._found

    def _today(self) -> date:
        """The day on which the work began, whoever goes on with it: it tells which sale prices count."""
        return (self._job.start_time or self._job.create_time).date()

    def _told(self, wish: Wish, result: Result) -> Iterator[RowProblem]:
        """What the catalogue found wrong, in the file's words."""
        for problem in result.problems:
            description = _PLAIN_WORDS.get(problem.field, problem.description)
            value = wish.sku if problem.field == "sku" else ""
            yield RowProblem(wish.row, self._survey().column_of(problem.field), value, description)
