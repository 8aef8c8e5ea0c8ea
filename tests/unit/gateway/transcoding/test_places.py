"""A service's word for a field, and the caller's."""

from typing import Any

import grpc
import httpx
import pytest
from google.protobuf import any_pb2
from google.protobuf.descriptor import FileDescriptor
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from gateway.transcoding.places import as_written

from .conftest import Library


@pytest.mark.parametrize(
    ("place", "written"),
    [
        ("parent", "parent"),
        ("request_id", "requestId"),
        ("book.price.amount", "price.amount"),
        ("book.price.currency_code", "price.currencyCode"),
        ("book.sequels[2].publish_time", "sequels[2].publishTime"),
        ('book.labels["a b"]', 'labels["a b"]'),
        ("book", "book"),
        ("book.no_such", "book.no_such"),
        ("no_such.price", "no_such.price"),
        ("Idempotency-Key", "Idempotency-Key"),
        ("", ""),
        ("book." * 200 + "title", "book." * 200 + "title"),
    ],
)
def test_a_place_in_the_message_is_named_as_the_body_has_it(
    bookstore: FileDescriptor, place: str, written: str
) -> None:
    request = bookstore.message_types_by_name["CreateBookRequest"]
    assert as_written(place, request, request.fields_by_name["book"]) == written


async def test_the_services_refusal_names_fields_as_the_caller_wrote_them(
    rest: httpx.AsyncClient, library: Library
) -> None:
    async def refuse(_request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field="book.price.amount", description="must be like 1.00"),
            error_details_pb2.BadRequest.FieldViolation(field="request_id", description="see book.price.amount: no"),
        ]
        packed = any_pb2.Any()
        packed.Pack(error_details_pb2.BadRequest(field_violations=violations))
        text = "; ".join(f"{each.field}: {each.description}" for each in violations)
        status = rpc_status.to_status(status_pb2.Status(code=3, message=text, details=[packed]))
        await context.abort(status.code, status.details, status.trailing_metadata)

    library.answers["CreateBook"] = refuse
    error = (await rest.post("/v1/shelves/a/books", json={})).json()["error"]
    assert error["message"] == "price.amount: must be like 1.00; requestId: see book.price.amount: no"
    assert [each["field"] for each in error["details"][0]["fieldViolations"]] == ["price.amount", "requestId"]
