"""Writes under If-Match: to which field it goes, what is refused, and what a failed condition comes to."""

from typing import Any

import grpc
import httpx
import pytest
from google.rpc import error_details_pb2

from .conftest import Library
from .test_errors import failing
from .test_transcoder import violation

BOOKS = "/v1/shelves/a/books"
BOOK = "/v1/shelves/a/books/b"


@pytest.mark.parametrize(
    ("method", "path", "body", "condition", "etag"),
    [
        ("PATCH", BOOK, {"title": "x"}, '"3"', "3"),
        ("PATCH", BOOK, {"title": "x", "etag": "3"}, '"3"', "3"),
        ("PATCH", BOOK, {"title": "x", "etag": "3"}, "*", "3"),
        ("PATCH", BOOK, {"title": "x"}, "*", ""),
        ("PATCH", BOOK, {"title": "x"}, None, ""),
        ("DELETE", BOOK, None, '"3"', "3"),
        ("DELETE", f"{BOOK}?etag=3", None, '"3"', "3"),
        ("DELETE", BOOK, None, "*", ""),
    ],
)
async def test_if_match_goes_to_the_field_for_it(
    rest: httpx.AsyncClient, library: Library, method: str, path: str, body: Any, condition: str | None, etag: str
) -> None:
    headers = {"If-Match": condition} if condition else {}
    answer = await rest.request(method, path, **({"json": body} if body else {}), headers=headers)
    assert answer.status_code == 200
    request = library.requests[0]
    assert (request.book if method == "PATCH" else request).etag == etag


@pytest.mark.parametrize(
    ("method", "path", "body", "condition", "says"),
    [
        ("PATCH", BOOK, {"etag": "4"}, '"3"', 'the request\'s book.etag, "4", or none; got "3"'),
        ("DELETE", f"{BOOK}?etag=4", None, '"3"', 'the request\'s etag, "4", or none; got "3"'),
        ("PATCH", BOOK, {}, 'W/"3"', "expected one strong entity tag"),
        ("DELETE", BOOK, None, '"3", "4"', "got 2 tags"),
        ("DELETE", BOOK, None, "", "expected one strong entity tag"),
        ("POST", BOOKS, {}, '"3"', "is not taken by this method"),
        ("POST", f"{BOOK}:lend", {}, '"3"', "is not taken by this method"),
    ],
)
async def test_if_match_that_cannot_be_met_reaches_no_service(
    rest: httpx.AsyncClient, library: Library, method: str, path: str, body: Any, condition: str, says: str
) -> None:
    body = {} if body is None else {"json": body}
    answer = await rest.request(method, path, **body, headers={"If-Match": condition})
    assert answer.status_code == 400
    assert violation(answer)["field"] == "If-Match"
    assert says in violation(answer)["description"]
    assert library.requests == []


async def test_if_match_in_two_lines_is_a_list(rest: httpx.AsyncClient, library: Library) -> None:
    answer = await rest.request("DELETE", BOOK, headers=[("If-Match", '"3"'), ("If-Match", '"4"')])
    assert "got 2 tags" in violation(answer)["description"]


@pytest.mark.parametrize(
    ("condition", "code", "reason", "status"),
    [
        ('"3"', grpc.StatusCode.ABORTED, "ETAG_MISMATCH", 412),
        ('"3"', grpc.StatusCode.ABORTED, "CONFLICT", 409),
        ('"3"', grpc.StatusCode.ABORTED, None, 409),
        ('"3"', grpc.StatusCode.FAILED_PRECONDITION, "ETAG_MISMATCH", 400),
        ("*", grpc.StatusCode.ABORTED, "ETAG_MISMATCH", 409),
        (None, grpc.StatusCode.ABORTED, "ETAG_MISMATCH", 409),
    ],
)
async def test_a_write_under_if_match_that_comes_too_late_is_412(
    rest: httpx.AsyncClient,
    library: Library,
    condition: str | None,
    code: grpc.StatusCode,
    reason: str | None,
    status: int,
) -> None:
    details = [error_details_pb2.ErrorInfo(reason=reason)] if reason else []
    library.answers["UpdateBook"] = failing(code, "Somebody was faster.", *details)
    answer = await rest.patch(BOOK, json={}, headers={"If-Match": condition} if condition else {})
    assert answer.status_code == answer.json()["error"]["code"] == status
    assert answer.json()["error"]["status"] == code.name
