"""What HTTP asks of the transcoder, whatever the method behind it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateway.transcoding import Transcoder

from .conftest import Library


async def test_unknown_path_is_404(rest: httpx.AsyncClient) -> None:
    answer = await rest.get("/v1/nothing/here")
    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")


async def test_wrong_method_is_405_with_allow(rest: httpx.AsyncClient) -> None:
    answer = await rest.put("/v1/shelves/a/books/b")
    assert answer.status_code == answer.json()["error"]["code"] == 405
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"


async def test_custom_verb_is_not_read_as_an_id(rest: httpx.AsyncClient, library: Library) -> None:
    answer = await rest.get("/v1/shelves/a/books/b:lend")
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")
    assert library.requests == []


async def test_options_tells_the_methods(rest: httpx.AsyncClient) -> None:
    answer = await rest.options("/v1/shelves/a")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, "GET, HEAD, OPTIONS", b"")


async def test_head_is_get_without_its_body(rest: httpx.AsyncClient, library: Library) -> None:
    answer = await rest.head("/v1/files/a")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len('{"path":"a"}'))
    assert len(library.requests) == 1


@pytest.mark.parametrize("path", ["/v1/shelves/%", "/v1/shelves/%ff"])
async def test_undecodable_path_is_400(transcoder: Transcoder, path: str) -> None:
    status, _ = await call_asgi(transcoder, path, [])
    assert status == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {},
    ],
)
async def test_body_that_is_not_declared_as_json_is_415(rest: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await rest.post("/v1/shelves/a/books/b:lend", content=b"{}", headers=headers)
    assert answer.status_code == answer.json()["error"]["code"] == 415


async def test_json_with_charset_utf8_is_read(rest: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "Application/JSON; charset=UTF-8"}
    assert (await rest.post("/v1/shelves/a/books/b:lend", content=b"{}", headers=headers)).status_code == 200


async def test_body_over_the_limit_is_413(rest: httpx.AsyncClient) -> None:
    answer = await rest.post("/v1/kinds:echo", json={"aString": "x" * 5000})
    assert answer.status_code == answer.json()["error"]["code"] == 413
    assert "4096 bytes" in answer.json()["error"]["message"]


async def test_body_over_the_limit_is_refused_before_it_is_all_taken_in(rest: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1000
            yield b"x" * 1000

    answer = await rest.post("/v1/kinds:echo", content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert sent == 5000


async def test_client_that_leaves_cancels_the_rpc(transcoder: Transcoder, library: Library) -> None:
    started = asyncio.Event()

    async def hang(_request: Any, _context: Any) -> Any:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            library.cancelled.set()

    async def leave() -> dict[str, Any]:
        await started.wait()
        return {"type": "http.disconnect"}

    library.answers["GetShelf"] = hang
    status, _ = await call_asgi(transcoder, "/v1/shelves/a", [], then=leave)
    await library.cancelled.wait()
    assert status == 499


async def test_client_that_leaves_while_sending_reaches_no_service(transcoder: Transcoder, library: Library) -> None:
    events: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]
    status, _ = await call_asgi(transcoder, "/v1/kinds:echo", events, method="POST")
    assert (status, library.requests) == (499, [])


async def call_asgi(
    app: Transcoder, path: str, events: list[dict[str, Any]], *, method: str = "GET", then: Any = None
) -> tuple[int, bytes]:
    """Call an ASGI application with events of our own; `then` gives what follows them. Return status and body."""
    queue = events or [{"type": "http.request", "body": b"", "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        if queue:
            return queue.pop(0)
        return await (then() if then else asyncio.Event().wait())

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
    await app({**scope, "headers": [], "root_path": ""}, receive, send)
    return sent[0]["status"], sent[1]["body"]
