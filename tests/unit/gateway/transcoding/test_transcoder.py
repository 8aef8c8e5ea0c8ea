"""REST requests against a real gRPC server: what reaches it, and what comes back."""

import json
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.json_format import MessageToDict

from gateway.transcoding import BindingError, Transcoder

from .conftest import Library


async def test_path_variable_reaches_the_service(rest: httpx.AsyncClient, library: Library) -> None:
    answer = await rest.get("/v1/shelves/a%20b")
    assert (answer.status_code, answer.json()) == (200, {})
    assert library.requests[0].name == "shelves/a b"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


async def test_additional_binding_leads_to_the_same_rpc(rest: httpx.AsyncClient, library: Library) -> None:
    assert (await rest.get("/v1/rooms/7/shelves/a")).status_code == 200
    assert MessageToDict(library.requests[0]) == {"name": "shelves/a", "room": 7}


async def test_escaped_slash_does_not_widen_a_path_variable(rest: httpx.AsyncClient, library: Library) -> None:
    assert (await rest.get("/v1/shelves/a%2Fbooks%2Fb")).status_code == 200
    assert library.requests[0].name == "shelves/a%2Fbooks%2Fb"


async def test_body_field_and_query_make_one_message_and_the_response_field_is_the_answer(
    rest: httpx.AsyncClient, library: Library, new_message: Any
) -> None:
    async def create(request: Any, _context: Any) -> Any:
        return new_message("CreateBookResponse", book=request.book)

    library.answers["CreateBook"] = create
    answer = await rest.post("/v1/shelves/a/books?validateOnly=true", json={"title": "Ananse", "copies": "3"})
    assert answer.json() == {"title": "Ananse", "copies": "3"}
    assert library.requests[0].parent == "shelves/a"
    assert library.requests[0].validate_only


async def test_repeated_response_field_is_answered_as_an_array(
    rest: httpx.AsyncClient, library: Library, new_message: Any
) -> None:
    async def titles(_request: Any, _context: Any) -> Any:
        return new_message("ListTitlesResponse", titles=["Ananse"])

    assert (await rest.get("/v1/titles")).json() == []
    library.answers["ListTitles"] = titles
    assert (await rest.get("/v1/titles")).json() == ["Ananse"]


async def test_whole_body_with_custom_verb(rest: httpx.AsyncClient) -> None:
    answer = await rest.post("/v1/shelves/a/books/b:lend", json={"borrower": "Ama", "term": "86400s"})
    assert answer.json() == {"name": "shelves/a/books/b", "borrower": "Ama", "term": "86400s"}


async def test_absent_body_is_an_empty_object(rest: httpx.AsyncClient) -> None:
    assert (await rest.post("/v1/shelves/a/books/b:lend")).json() == {"name": "shelves/a/books/b"}


async def test_multi_segment_path(rest: httpx.AsyncClient) -> None:
    assert (await rest.get("/v1/files/a/b%2Fc")).json() == {"path": "a/b%2Fc"}


@pytest.mark.parametrize("name", ["shelves/a/books/b", ""])
async def test_body_may_repeat_what_the_path_says(rest: httpx.AsyncClient, library: Library, name: str) -> None:
    answer = await rest.patch("/v1/shelves/a/books/b?updateMask=title", json={"name": name, "title": "Ananse"})
    assert answer.status_code == 200
    assert library.requests[0].book.name == "shelves/a/books/b"
    assert list(library.requests[0].update_mask.paths) == ["title"]


async def test_body_may_not_contradict_the_path(rest: httpx.AsyncClient, library: Library) -> None:
    answer = await rest.patch("/v1/shelves/a/books/b", json={"name": "shelves/a/books/c"})
    assert answer.status_code == 400
    assert violation(answer)["field"] == "name"
    assert library.requests == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("pageSize=5&page_size=5", None),
        ("pageSize=5&minCopies=9007199254740993", {"pageSize": 5, "minCopies": "9007199254740993"}),
        ("page_size=5&in_stock=true", {"pageSize": 5, "inStock": True}),
        ("filter.titlePrefix=An&filter.title_prefix=An", None),
        ("filter.titlePrefix=", {"filter": {"titlePrefix": ""}}),
        ("filter.otherwise.genres=GENRE_NOVEL&filter.otherwise.genres=2", {
            "filter": {"otherwise": {"genres": ["GENRE_NOVEL", "GENRE_POETRY"]}}
        }),
        ("genre=1", {"genre": "GENRE_NOVEL"}),
        ("tags=a&tags=b%20c&tags=d+e", {"tags": ["a", "b c", "d e"]}),
        ("publishedAfter=2024-05-01T10:00:00Z&maxAge=1.5s", {
            "publishedAfter": "2024-05-01T10:00:00Z", "maxAge": "1.500s"
        }),
        ("readMask=displayName,price.amount", {"readMask": "displayName,price.amount"}),
        ("signed=false&edition=0", {"signed": False, "edition": "0"}),
        ("digest=_-8&minRating=4.5", {"digest": "/+8=", "minRating": 4.5}),
    ],
)  # fmt: skip
async def test_query_parameters_fill_the_message(
    rest: httpx.AsyncClient, query: str, expected: dict[str, Any] | None
) -> None:
    answer = await rest.get(f"/v1/books:search?{query}")
    if expected is None:
        assert "not repeated" in answer.json()["error"]["message"]
    else:
        assert answer.json() == expected


@pytest.mark.parametrize(
    ("path", "field", "description"),
    [
        ("/v1/books:search?colour=red", "colour", "is no query parameter"),
        ("/v1/books:search?filter.colour=red", "filter.colour", "is no query parameter"),
        ("/v1/books:search?pageSize.x=1", "pageSize.x", "is no query parameter"),
        (f"/v1/books:search?{'filter.' + 'otherwise.' * 200}titlePrefix=a", None, "is no query parameter"),
        (
            "/v1/books:search?pageSize=five",
            "pageSize",
            'expected an integer from -2147483648 to 2147483647, got "five"',
        ),
        ("/v1/books:search?inStock=1", "inStock", "expected true or false"),
        ("/v1/books:search?genre=CRIME", "genre", 'expected one of "GENRE_UNSPECIFIED"'),
        ("/v1/books:search?publishedAfter=today", "publishedAfter", "RFC 3339"),
        ("/v1/books:search?filter=x", "filter", "cannot be a query parameter"),
        ("/v1/books:search?prices=x", "prices", "cannot be a query parameter"),
        ("/v1/books:search?labels=x", "labels", "cannot be a query parameter"),
        ("/v1/books:search?orderBy=title&shuffled=true", "shuffled", "expected only one of this and 'order_by'"),
        ("/v1/shelves/a?name=b", "name", "given by the path or the body"),
        ("/v1/rooms/x/shelves/a", "room", "expected an integer"),
    ],
)
async def test_bad_parameter_is_refused_by_name(
    rest: httpx.AsyncClient, library: Library, path: str, field: str | None, description: str
) -> None:
    answer = await rest.get(path)
    assert answer.status_code == 400
    assert field is None or violation(answer)["field"] == field
    assert description in violation(answer)["description"]
    assert library.requests == []


@pytest.mark.parametrize(
    ("path", "field"),
    [("/v1/shelves/a/books?book.title=x", "book.title"), ("/v1/shelves/a/books/b:lend?borrower=Ama", "borrower")],
)
async def test_what_the_body_holds_is_no_query_parameter(rest: httpx.AsyncClient, path: str, field: str) -> None:
    assert violation(await rest.post(path, json={}))["field"] == field


@pytest.mark.parametrize("query", ["a=%ff", "&".join(["tags=a"] * 201)])
async def test_unreadable_query_is_refused(rest: httpx.AsyncClient, query: str) -> None:
    answer = await rest.get(f"/v1/books:search?{query}")
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_bad_body_names_the_field(rest: httpx.AsyncClient) -> None:
    answer = await rest.post("/v1/shelves/a/books", json={"sequels": [{}, {"price": {"amount": 45}}]})
    assert answer.json() == {
        "error": {
            "code": 400,
            "status": "INVALID_ARGUMENT",
            "message": "sequels[1].price.amount: expected a string, got 45.",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.BadRequest",
                    "fieldViolations": [
                        {"field": "sequels[1].price.amount", "description": "expected a string, got 45"}
                    ],
                }
            ],
            "requestId": "req-1",
        }
    }


async def test_body_where_none_is_taken_is_refused(rest: httpx.AsyncClient) -> None:
    answer = await rest.request("DELETE", "/v1/shelves/a/books/b", json={})
    assert answer.status_code == 400
    assert "takes no request body" in answer.json()["error"]["message"]


async def test_idempotency_key_fills_an_empty_request_id(rest: httpx.AsyncClient, library: Library) -> None:
    key = {"Idempotency-Key": "abc"}
    await rest.post("/v1/shelves/a/books/b:lend", json={}, headers=key)
    await rest.post("/v1/shelves/a/books/b:lend", json={}, headers={"Idempotency-Key": '"a string of RFC 8941"'})
    await rest.post("/v1/shelves/a/books/b:lend", json={"requestId": "mine"}, headers=key)
    await rest.get("/v1/shelves/a", headers=key)
    assert [request.request_id for request in library.requests[:3]] == ["abc", "a string of RFC 8941", "mine"]


async def test_only_chosen_metadata_goes_upstream(rest: httpx.AsyncClient, library: Library) -> None:
    await rest.get("/v1/shelves/a", headers={"Accept-Language": "tw", "Cookie": "secret"})
    assert library.metadata[0]["language"] == "tw"
    assert "cookie" not in library.metadata[0]


@pytest.mark.parametrize(("wish", "at_most", "more_than"), [(None, 15, 10), ("5", 5, 2), ("1000", 20, 16)])
async def test_deadline_follows_the_clients_wish_up_to_the_limit(
    rest: httpx.AsyncClient, library: Library, wish: str | None, at_most: float, more_than: float
) -> None:
    await rest.get("/v1/shelves/a", headers={"Request-Timeout": wish} if wish else {})
    # gRPC sends a time-out in few digits, rounded up: a little more than was asked for may arrive.
    assert more_than < library.time_left[0] < at_most + 1


@pytest.mark.parametrize("wish", ["soon", "0", "-1", "nan", "inf"])
async def test_bad_deadline_is_refused(rest: httpx.AsyncClient, wish: str) -> None:
    assert violation(await rest.get("/v1/shelves/a", headers={"Request-Timeout": wish}))["field"] == "Request-Timeout"


async def test_response_that_has_no_json_form_is_an_internal_error(
    rest: httpx.AsyncClient, library: Library, new_message: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_request: Any, _context: Any) -> Any:
        return new_message("Kinds", a_timestamp={"seconds": 1 << 50})

    library.answers["EchoKinds"] = broken
    answer = await rest.post("/v1/kinds:echo", json={})
    assert (answer.status_code, answer.json()["error"]["status"]) == (500, "INTERNAL")
    assert "years 1 to 9999" in caplog.text
    assert "years" not in answer.text


async def test_unannotated_method_is_not_served_and_annotated_stream_is_refused(bookstore: FileDescriptor) -> None:
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        served = Transcoder([(bookstore.services_by_name["LibraryService"], channel)])
        assert "Reindex" not in {binding.rpc.name for binding in served.bindings}
        with pytest.raises(BindingError, match=r"bookstore\.v1\.StreamingService\.Watch is streaming"):
            Transcoder([(bookstore.services_by_name["StreamingService"], channel)])


def violation(answer: httpx.Response) -> dict[str, str]:
    """The one field violation of a 400."""
    details = json.loads(answer.content)["error"]["details"]
    assert len(details) == 1
    found: dict[str, str] = details[0]["fieldViolations"][0]
    return found
