"""Conditional requests against a real gRPC server: what reaches it, and what the client is spared."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.descriptor import FileDescriptor

from gateway.transcoding import Options, Transcoder

from .conftest import Library, forwarded_language
from .test_errors import failing
from .test_transcoder import violation

BOOKS = "/v1/shelves/a/books"
BOOK = "/v1/shelves/a/books/b"
Rest = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def rest_with(library: Library, bookstore: FileDescriptor) -> Rest:
    """Make a client of the bookstore under options of a test's own."""

    @asynccontextmanager
    async def serve(**options: Any) -> AsyncIterator[httpx.AsyncClient]:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{library.port}") as channel:
            service = bookstore.services_by_name["LibraryService"]
            app = Transcoder([(service, channel)], metadata=forwarded_language, options=Options(**options))
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://books") as client:
                yield client

    return serve


class Shelf:
    """What ListBooks answers: one book, under an etag by version and reader; it judges conditions as services do."""

    def __init__(self, library: Library, new_message: Any) -> None:
        self.version = 1
        self._library = library
        self._new_message = new_message
        library.answers["ListBooks"] = self.answer

    async def answer(self, request: Any, _context: Any) -> Any:
        reader = str(self._library.metadata[-1]["language"])
        etag = f'W/"{self.version}-{reader}"'
        named = {tag.strip() for tag in request.if_none_match.split(",")}
        if named & {etag, "*"}:
            return self._new_message("ListBooksResponse", etag=etag, not_modified=True)
        book = self._new_message("Book", title=f"{self.version} for {reader}")
        return self._new_message("ListBooksResponse", books=[book], etag=etag)

    @property
    def asked(self) -> list[str]:
        """The conditions that reached the service."""
        return [request.if_none_match for request in self._library.requests]


@pytest.fixture
def shelf(library: Library, new_message: Any) -> Shelf:
    return Shelf(library, new_message)


def title(answer: httpx.Response) -> str:
    assert answer.status_code == 200
    found: str = answer.json()["books"][0]["title"]
    return found


async def test_an_answer_with_an_etag_may_be_stored_by_its_caller_and_asked_about(
    rest: httpx.AsyncClient, shelf: Shelf
) -> None:
    answer = await rest.get(BOOKS)
    assert answer.json() == {"books": [{"title": "1 for en"}], "etag": 'W/"1-en"'}
    assert answer.headers["etag"] == 'W/"1-en"'
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["vary"] == "Authorization"


@pytest.mark.parametrize("condition", ['W/"1-en"', '"1-en"', 'W/"0-en", W/"1-en"', "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_the_client_has_already_is_304_without_a_body(
    rest: httpx.AsyncClient, shelf: Shelf, method: str, condition: str
) -> None:
    await rest.get(BOOKS)
    answer = await rest.request(method, BOOKS, headers={"If-None-Match": condition})
    assert (answer.status_code, answer.content) == (304, b"")
    kept = {name: answer.headers[name] for name in ("etag", "cache-control", "vary")}
    assert kept == {"etag": 'W/"1-en"', "cache-control": "private, no-cache", "vary": "Authorization"}
    assert "content-type" not in answer.headers


async def test_what_the_client_has_is_304_without_a_memory_too(rest_with: Rest, shelf: Shelf) -> None:
    async with rest_with(rendered_bytes=0) as rest:
        for _ in range(2):
            assert title(await rest.get(BOOKS)) == "1 for en"
        assert (await rest.get(BOOKS, headers={"If-None-Match": 'W/"1-en"'})).status_code == 304
    assert shelf.asked == ["", "", 'W/"1-en"']


async def test_an_unchanged_answer_comes_out_of_the_memory_and_a_changed_one_anew(
    rest: httpx.AsyncClient, shelf: Shelf
) -> None:
    first = await rest.get(BOOKS)
    second = await rest.get(BOOKS)
    assert (second.content, second.headers["etag"]) == (first.content, first.headers["etag"])
    shelf.version = 2
    assert title(await rest.get(BOOKS, headers={"If-None-Match": 'W/"1-en"'})) == "2 for en"
    third = await rest.get(BOOKS)
    assert (title(third), third.headers["etag"]) == ("2 for en", 'W/"2-en"')
    assert shelf.asked == ["", 'W/"1-en"', 'W/"1-en", W/"1-en"', 'W/"2-en"']


async def test_a_client_with_an_older_answer_gets_the_kept_one(rest: httpx.AsyncClient, shelf: Shelf) -> None:
    shelf.version = 2
    await rest.get(BOOKS)
    assert title(await rest.get(BOOKS, headers={"If-None-Match": 'W/"1-en"'})) == "2 for en"
    assert shelf.asked == ["", 'W/"1-en", W/"2-en"']


async def test_each_reader_is_asked_for_and_gets_its_own(rest: httpx.AsyncClient, shelf: Shelf) -> None:
    for language in ("en", "tw", "tw", "en"):
        assert title(await rest.get(BOOKS, headers={"Accept-Language": language})) == f"1 for {language}"


async def test_another_request_has_another_answer(rest: httpx.AsyncClient, shelf: Shelf) -> None:
    await rest.get(BOOKS)
    await rest.get(f"{BOOKS}?pageSize=5")
    await rest.get("/v1/shelves/b/books")
    assert shelf.asked == ["", "", ""]


async def test_a_refusal_by_the_service_stands_whatever_is_kept(
    rest: httpx.AsyncClient, shelf: Shelf, library: Library
) -> None:
    await rest.get(BOOKS)
    library.answers["ListBooks"] = failing(grpc.StatusCode.UNAUTHENTICATED, "No.")
    answer = await rest.get(BOOKS, headers={"If-None-Match": 'W/"1-en"'})
    assert answer.status_code == 401
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


async def test_an_answer_that_is_driven_out_during_the_call_is_given_all_the_same(
    rest_with: Rest, shelf: Shelf, library: Library
) -> None:
    async with rest_with(rendered_bytes=16 * 800) as rest:
        await rest.get(BOOKS)

        async def flood(request: Any, context: Any) -> Any:
            library.answers["ListBooks"] = shelf.answer
            for number in range(40):
                await rest.get(f"{BOOKS}?pageSize={number + 1}")
            return await shelf.answer(request, context)

        library.answers["ListBooks"] = flood
        assert title(await rest.get(BOOKS)) == "1 for en"
        await rest.get(BOOKS)
    assert shelf.asked[1] == 'W/"1-en"'
    assert shelf.asked[-1] == ""


@pytest.mark.parametrize(
    ("length", "arrives"), [(1000, True), (1001, False)], ids=["as long as may be", "longer than that"]
)
async def test_a_condition_that_is_too_long_is_none(
    rest: httpx.AsyncClient, shelf: Shelf, length: int, arrives: bool
) -> None:
    condition = 'W/"1-en", "' + "x" * (length - 12) + '"'
    assert len(condition) == length
    await rest.get(BOOKS)
    answer = await rest.get(BOOKS, headers={"If-None-Match": condition})
    assert answer.status_code == (304 if arrives else 200)
    # With what is kept it would be too long as well: the client's own comes first.
    assert shelf.asked[-1] == (condition if arrives else 'W/"1-en"')


@pytest.mark.parametrize("kept", [True, False])
async def test_not_modified_that_nobody_asked_about_is_asked_again(
    rest: httpx.AsyncClient, shelf: Shelf, library: Library, new_message: Any, kept: bool
) -> None:
    async def confused(request: Any, context: Any) -> Any:
        if request.if_none_match:
            return new_message("ListBooksResponse", etag='W/"other"', not_modified=True)
        return await shelf.answer(request, context)

    if kept:
        await rest.get(BOOKS)
    library.answers["ListBooks"] = confused
    assert title(await rest.get(BOOKS, headers={"If-None-Match": 'W/"0-en"'})) == "1 for en"
    assert shelf.asked[-1] == ""


async def test_a_service_that_never_answers_in_full_is_an_internal_error(
    rest: httpx.AsyncClient, library: Library, new_message: Any
) -> None:
    async def broken(_request: Any, _context: Any) -> Any:
        return new_message("ListBooksResponse", etag='W/"1"', not_modified=True)

    library.answers["ListBooks"] = broken
    assert (await rest.get(BOOKS)).status_code == 500
    assert len(library.requests) == 2


@pytest.mark.parametrize("etag", ["", "1", 'W/"1', '"1"\r\nX: y'])
async def test_an_answer_whose_etag_is_no_entity_tag_is_not_kept(
    rest: httpx.AsyncClient, library: Library, new_message: Any, etag: str
) -> None:
    async def list_books(_request: Any, _context: Any) -> Any:
        return new_message("ListBooksResponse", etag=etag)

    library.answers["ListBooks"] = list_books
    for _ in range(2):
        answer = await rest.get(BOOKS)
        assert "etag" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
    assert library.requests[1].if_none_match == ""


@pytest.mark.parametrize("name", ["ifNoneMatch", "if_none_match"])
async def test_the_condition_is_no_query_parameter(rest: httpx.AsyncClient, library: Library, name: str) -> None:
    answer = await rest.get(f"{BOOKS}?{name}=*")
    assert answer.status_code == 400
    assert "is given by the header If-None-Match" in violation(answer)["description"]
    assert library.requests == []


async def test_not_modified_is_no_member_of_an_answer(rest_with: Rest, shelf: Shelf) -> None:
    async with rest_with(with_defaults=True) as rest:
        assert set((await rest.get(BOOKS)).json()) == {"books", "etag"}


@pytest.mark.parametrize(
    ("condition", "status"), [(None, 200), ('"3"', 304), ('W/"3"', 304), ('"2", "3"', 304), ("*", 304), ('"4"', 200)]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_resource_with_an_etag_is_conditional_by_it(
    rest: httpx.AsyncClient, library: Library, new_message: Any, method: str, condition: str | None, status: int
) -> None:
    async def get_book(_request: Any, _context: Any) -> Any:
        return new_message("Book", title="Ananse", etag="3")

    library.answers["GetBook"] = get_book
    answer = await rest.request(method, BOOK, headers={"If-None-Match": condition} if condition else {})
    assert answer.status_code == status
    assert answer.headers["etag"] == '"3"'
    assert answer.headers["cache-control"] == "private, no-cache"
    assert bool(answer.content) == (status == 200 and method == "GET")


async def test_a_partial_etag_is_shown_and_spares_nothing(rest_with: Rest, library: Library, new_message: Any) -> None:
    async def get_book(_request: Any, _context: Any) -> Any:
        return new_message("Book", title="Ananse", etag="3")

    library.answers["GetBook"] = get_book
    async with rest_with(partial_etags=frozenset({"bookstore.v1.Book"})) as rest:
        answer = await rest.get(BOOK, headers={"If-None-Match": '"3"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"3"')
    assert answer.headers["cache-control"] == "no-store"


async def test_the_answer_to_a_write_has_its_new_etag_and_is_not_stored(
    rest: httpx.AsyncClient, library: Library, new_message: Any
) -> None:
    async def create_book(request: Any, _context: Any) -> Any:
        return new_message("CreateBookResponse", book=new_message("Book", etag="1"))

    library.answers["CreateBook"] = create_book
    answer = await rest.post(BOOKS, json={"title": "Ananse"}, headers={"If-None-Match": '"1"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    assert answer.headers["cache-control"] == "no-store"
