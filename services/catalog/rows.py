"""Rows of a batch: as clients send them, and what they hear."""

import re
from collections import Counter
from collections.abc import Sequence

from sedifex.catalog.v1 import catalog_pb2

from services.catalog.batch import Result, Row, problem_of
from services.catalog.convert import product_values
from services.common.errors import FieldViolation
from services.common.interceptors import violations_of

MAX_PROBLEMS = 10
"""Told of a row."""
_PRODUCT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OUTCOMES = {
    "created": catalog_pb2.ProductRowResult.OUTCOME_CREATED,
    "updated": catalog_pb2.ProductRowResult.OUTCOME_UPDATED,
    "unchanged": catalog_pb2.ProductRowResult.OUTCOME_UNCHANGED,
    "invalid": catalog_pb2.ProductRowResult.OUTCOME_INVALID,
}


def batch_row(store_id: str, message: catalog_pb2.Product) -> Row:
    """What a client wants of one row, or what is wrong with it."""
    collection, _, product_id = message.name.rpartition("/")
    if message.name and (collection != f"stores/{store_id}/products" or not _PRODUCT_ID.fullmatch(product_id)):
        wrong = FieldViolation("name", f"must be stores/{store_id}/products/{{product}}")
        return Row(problems=(problem_of(wrong, "INVALID_ARGUMENT"),))
    if violations := violations_of(message):
        return Row(problems=tuple(problem_of(each, "INVALID_ARGUMENT") for each in violations[:MAX_PROBLEMS]))
    return Row(product_id, product_values(message, None))


def batch_response(store_id: str, results: Sequence[Result]) -> catalog_pb2.BatchUpsertProductsResponse:
    """What became of each row."""
    counts = Counter(each.outcome for each in results)
    return catalog_pb2.BatchUpsertProductsResponse(
        results=[_row_result(store_id, each) for each in results],
        created_count=counts["created"],
        updated_count=counts["updated"],
        unchanged_count=counts["unchanged"],
        invalid_count=counts["invalid"],
    )


def _row_result(store_id: str, result: Result) -> catalog_pb2.ProductRowResult:
    return catalog_pb2.ProductRowResult(
        outcome=_OUTCOMES[result.outcome],
        name=f"stores/{store_id}/products/{result.product_id}" if result.product_id else "",
        etag=result.etag,
        problems=[
            catalog_pb2.RowProblem(field=each.field, description=each.description, reason=each.reason)
            for each in result.problems
        ],
    )
