"""gRPC statuses as HTTP errors, seen by a REST client of a real server."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from starlette.requests import Request

from gateway.transcoding import Problem, Transcoder
from gateway.transcoding.errors import HTTP_STATUS, STATUS_DETAILS_KEY, pack

from .conftest import Handler, Library

Code = grpc.StatusCode


def failing(code: Code, message: str, *details: Message, status_code: Code | None = None) -> Handler:
    """A handler that fails; with details it sends a google.rpc.Status beside the code."""

    async def fail(_request: Any, context: Any) -> Any:
        packed = [detail if isinstance(detail, any_pb2.Any) else pack(detail) for detail in details]
        if packed:
            status = status_pb2.Status(code=(status_code or code).value[0], message=message, details=packed)
            context.set_trailing_metadata([(STATUS_DETAILS_KEY, status.SerializeToString())])
        await context.abort(code, message)

    return fail


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK])
async def test_every_code_has_its_http_status(rest: httpx.AsyncClient, library: Library, code: Code) -> None:
    library.answers["GetShelf"] = failing(code, "for the caller")
    answer = await rest.get("/v1/shelves/a")
    assert answer.status_code == answer.json()["error"]["code"] == HTTP_STATUS[code]
    assert answer.json()["error"]["status"] == code.name
    assert answer.headers["content-type"] == "application/json"


async def test_error_carries_message_details_and_request_id(rest: httpx.AsyncClient, library: Library) -> None:
    info = error_details_pb2.ErrorInfo(reason="NO_SHELF", domain="bookstore", metadata={"shelf": "a"})
    library.answers["GetShelf"] = failing(Code.NOT_FOUND, "No such shelf. List the shelves.", info)
    answer = await rest.get("/v1/shelves/a", headers={"X-Request-Id": "req-7"})
    assert answer.json() == {
        "error": {
            "code": 404,
            "status": "NOT_FOUND",
            "message": "No such shelf. List the shelves.",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "NO_SHELF",
                    "domain": "bookstore",
                    "metadata": {"shelf": "a"},
                }
            ],
            "requestId": "req-7",
        }
    }


@pytest.mark.parametrize(
    ("seconds", "nanos", "header"), [(5, 0, "5"), (0, 1, "1"), (2, 500_000_000, "3"), (-4, 0, "0")]
)
async def test_retry_info_becomes_retry_after_rounded_up(
    rest: httpx.AsyncClient, library: Library, seconds: int, nanos: int, header: str
) -> None:
    retry = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=seconds, nanos=nanos))
    library.answers["GetShelf"] = failing(Code.RESOURCE_EXHAUSTED, "Too many requests.", retry)
    answer = await rest.get("/v1/shelves/a")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, header)


async def test_unauthenticated_asks_for_a_bearer_token(rest: httpx.AsyncClient, library: Library) -> None:
    library.answers["GetShelf"] = failing(Code.UNAUTHENTICATED, "Send a key.")
    assert (await rest.get("/v1/shelves/a")).headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("code", [Code.INTERNAL, Code.UNKNOWN, Code.DATA_LOSS])
async def test_text_of_an_unexpected_failure_reaches_the_log_and_no_caller(
    rest: httpx.AsyncClient, library: Library, caplog: pytest.LogCaptureFixture, code: Code
) -> None:
    secret = error_details_pb2.ErrorInfo(reason="secret")
    library.answers["GetShelf"] = failing(code, "secret: SELECT 1", secret)
    answer = await rest.get("/v1/shelves/a")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "req-1" in caplog.text
    assert "secret: SELECT 1" in caplog.text


async def test_crash_of_a_handler_is_a_plain_500(rest: httpx.AsyncClient, library: Library) -> None:
    async def crash(_request: Any, _context: Any) -> Any:
        raise RuntimeError("secret")

    library.answers["GetShelf"] = crash
    answer = await rest.get("/v1/shelves/a")
    assert answer.status_code == 500
    assert "secret" not in answer.text


async def test_debug_info_is_never_shown_and_unknown_details_only_by_type(
    rest: httpx.AsyncClient, library: Library
) -> None:
    debug = error_details_pb2.DebugInfo(detail="secret")
    newer = any_pb2.Any(type_url="type.googleapis.com/newer.Detail", value=b"\x01")
    library.answers["GetShelf"] = failing(Code.ABORTED, "Read it again.", debug, newer)
    error = (await rest.get("/v1/shelves/a")).json()["error"]
    assert error["details"] == [{"@type": "type.googleapis.com/newer.Detail"}]


async def test_details_of_another_code_are_not_believed(rest: httpx.AsyncClient, library: Library) -> None:
    info = error_details_pb2.ErrorInfo(reason="OTHER")
    library.answers["GetShelf"] = failing(Code.ABORTED, "Read it again.", info, status_code=Code.NOT_FOUND)
    assert "details" not in (await rest.get("/v1/shelves/a")).json()["error"]


async def test_service_that_says_unavailable_is_quoted(rest: httpx.AsyncClient, library: Library) -> None:
    library.answers["GetShelf"] = failing(
        Code.UNAVAILABLE, "The stock-taking ends at noon.", error_details_pb2.ErrorInfo(reason="STOCK_TAKING")
    )
    assert (await rest.get("/v1/shelves/a")).json()["error"]["message"] == "The stock-taking ends at noon."


async def test_service_that_is_down_is_503_without_its_address(
    bookstore: FileDescriptor, unused_tcp_port_factory: Callable[[], int]
) -> None:
    port = unused_tcp_port_factory()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        app = Transcoder([(bookstore.services_by_name["LibraryService"], channel)])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bookstore") as rest:
            answer = await rest.get("/v1/shelves/a")
    assert (answer.status_code, answer.json()["error"]["status"]) == (503, "UNAVAILABLE")
    assert answer.json()["error"]["message"] == "The service is not available at the moment. Try again shortly."
    assert str(port) not in answer.text


async def test_channel_that_closes_under_a_call_is_503(library: Library, bookstore: FileDescriptor) -> None:
    started = asyncio.Event()

    async def hang(_request: Any, _context: Any) -> Any:
        started.set()
        await library.cancelled.wait()

    library.answers["GetShelf"] = hang
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{library.port}")
    app = Transcoder([(bookstore.services_by_name["LibraryService"], channel)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bookstore") as rest:
        answering = asyncio.create_task(rest.get("/v1/shelves/a"))
        await started.wait()
        await channel.close()
        answer = await answering
    assert (answer.status_code, answer.json()["error"]["status"]) == (503, "UNAVAILABLE")


async def test_host_application_may_refuse_a_request(library: Library, bookstore: FileDescriptor) -> None:
    def refuse(_request: Request) -> list[tuple[str, str | bytes]]:
        raise Problem(Code.UNAUTHENTICATED, "Send a key.")

    async with grpc.aio.insecure_channel(f"127.0.0.1:{library.port}") as channel:
        app = Transcoder([(bookstore.services_by_name["LibraryService"], channel)], metadata=refuse)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bookstore") as rest:
            answer = await rest.get("/v1/shelves/a")
    assert (answer.status_code, answer.json()["error"]["message"]) == (401, "Send a key.")
    assert library.requests == []


async def test_service_that_is_too_slow_is_504(rest: httpx.AsyncClient, library: Library) -> None:
    async def hang(_request: Any, _context: Any) -> Any:
        await library.cancelled.wait()

    library.answers["GetShelf"] = hang
    answer = await rest.get("/v1/shelves/a", headers={"Request-Timeout": "0.05"})
    assert (answer.status_code, answer.json()["error"]["status"]) == (504, "DEADLINE_EXCEEDED")
