"""Imports as messages of the contract."""

from itertools import repeat

from sedifex.catalog.v1 import imports_pb2

from services.catalog.import_queries import Findings, Job
from services.catalog.importing.wishes import RowProblem
from services.common.times import to_timestamp

Message = imports_pb2.Import
_FORMATS = {
    "auto": Message.FORMAT_AUTO,
    "sedifex": Message.FORMAT_SEDIFEX,
    "woocommerce": Message.FORMAT_WOOCOMMERCE,
    "shopify": Message.FORMAT_SHOPIFY,
}
_WORDS = {number: word for word, number in _FORMATS.items()}
_STATES = {
    "uploading": Message.STATE_UPLOADING,
    "queued": Message.STATE_QUEUED,
    "running": Message.STATE_RUNNING,
    "succeeded": Message.STATE_SUCCEEDED,
    "failed": Message.STATE_FAILED,
    "cancelled": Message.STATE_CANCELLED,
}


def format_word(number: imports_pb2.Import.Format.ValueType) -> str:
    """The format that a client asks for."""
    return _WORDS.get(number, "auto")


def import_message(job: Job) -> imports_pb2.Import:
    """The import as clients see it."""
    counted = job.created_count + job.updated_count + job.unchanged_count + job.invalid_count
    return Message(
        name=f"stores/{job.store_id}/imports/{job.id}",
        display_name=job.display_name,
        format=_FORMATS[job.format],
        dry_run=job.dry_run,
        state=_STATES[job.state],
        size_bytes=job.size_bytes,
        total_row_count=job.total_row_count,
        row_count=job.row_count,
        created_count=job.created_count,
        updated_count=job.updated_count,
        unchanged_count=job.unchanged_count,
        invalid_count=job.invalid_count,
        other_count=max(0, job.row_count - counted),
        problem_count=job.problem_count,
        findings=_findings(job.findings) if job.findings else None,
        error=job.error,
        create_time=to_timestamp(job.create_time),
        start_time=to_timestamp(job.start_time),
        end_time=to_timestamp(job.end_time),
    )


def problem_message(problem: RowProblem) -> imports_pb2.ImportProblem:
    """What is wrong with a row, as clients see it."""
    return imports_pb2.ImportProblem(
        row_number=problem.row, column=problem.column, value=problem.value, description=problem.description
    )


def _findings(findings: Findings) -> imports_pb2.FileFindings:
    return imports_pb2.FileFindings(
        format=_FORMATS[findings.format],
        encoding=findings.encoding,
        delimiter=findings.delimiter,
        columns=[
            imports_pb2.ColumnUse(column=column, field=field, samples=samples)
            for (column, field), samples in zip(findings.columns, findings.samples or repeat(()), strict=False)
        ],
        unused_columns=findings.unused_columns,
    )
