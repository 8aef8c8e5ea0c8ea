"""The answers of an operation in an OpenAPI document: what HTTP statuses it has, and what each of them says."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from .bindings import Binding
from .headers import ETAG
from .schemas import Schema

ERROR_NAME = "Error"
ERROR: Schema = {
    "type": "object",
    "description": "A failure, in the manner of AIP-193.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "status", "message", "requestId"],
            "properties": {
                "code": {"type": "integer", "description": "The HTTP status."},
                "status": {"type": "string", "description": "The name of the google.rpc.Code."},
                "message": {"type": "string", "description": "What went wrong and what to do next."},
                "details": {
                    "type": "array",
                    "description": "For programs: google.rpc.ErrorInfo with a stable reason, google.rpc.BadRequest "
                    "with each field that is wrong, google.rpc.RetryInfo.",
                    "items": {"type": "object", "required": ["@type"], "properties": {"@type": {"type": "string"}}},
                },
                "requestId": {"type": "string", "description": "Names this request in the server's logs."},
            },
        }
    },
}

RETRY_AFTER: Schema = {
    "description": "After how many seconds to try again.",
    "schema": {"type": "integer", "minimum": 0},
}

_MEANINGS: Mapping[int, tuple[str, str, str]] = {
    400: (
        "INVALID_ARGUMENT",
        "The request is wrong, and `details` name each field that is; or the state of things does not allow it "
        "(FAILED_PRECONDITION), or a page token is too old (OUT_OF_RANGE).",
        "displayName: must be at most 200 characters",
    ),
    404: ("NOT_FOUND", "What the request names is not there.", "There is no such resource. Check its name."),
    408: ("DEADLINE_EXCEEDED", "The body did not come in time.", "The request's body did not come. Send it again."),
    409: (
        "ABORTED",
        "It is there already (ALREADY_EXISTS), or somebody else has changed it meanwhile (ABORTED).",
        "It has changed since it was read. Read it again, then repeat the change.",
    ),
    412: (
        "ABORTED",
        "It has changed since it was read: If-Match is not its ETag.",
        "It has changed since it was read. Read it again, then repeat the change.",
    ),
    413: ("INVALID_ARGUMENT", "The body is too large.", "The request body is too large. Send less at a time."),
    415: ("INVALID_ARGUMENT", "The body is not plain UTF-8 JSON, or not said to be.", "Send the body as UTF-8 JSON."),
    500: ("INTERNAL", "A fault on our side.", "An unexpected error occurred. Try again; if it persists, report it."),
    503: ("UNAVAILABLE", "A part cannot be reached just now.", "The service is not available. Try again shortly."),
    504: ("DEADLINE_EXCEEDED", "It took longer than it may.", "The service did not answer in time. Try again."),
}


def statuses(binding: Binding) -> list[int]:
    """Return the HTTP statuses of failures that calls of a binding may have."""
    found = {400, 408, 413, 415, 500, 503, 504}
    if not binding.has_body:
        found -= {408, 415}
    if binding.template.variables or binding.has_body:
        found.add(404)
    if not binding.reads:
        found.add(409)
    if binding.if_match:
        found.add(412)
    return sorted(found)


def refer(status: int) -> Schema:
    """Return a reference to the component of a failure."""
    return {"$ref": f"#/components/responses/{_name(status)}"}


def components() -> dict[str, Schema]:
    """Return the components of failures, by name."""
    return {_name(status): failure(status, *meaning) for status, meaning in _MEANINGS.items()}


def failure(status: int, code: str, description: str, message: str, headers: Schema | None = None) -> Schema:
    """Return the response object of a failure: its status, google.rpc.Code, meaning, and a message as an example."""
    body = {"code": status, "status": code, "message": message, "requestId": "5f2b9c0e7d1a4c3e8b6f0a12"}
    content = {"schema": {"$ref": f"#/components/schemas/{ERROR_NAME}"}, "example": {"error": body}}
    retry = {"Retry-After": RETRY_AFTER} if status in {429, 503} else {}
    found = retry | (headers or {})
    shown: Schema = {"headers": found} if found else {}
    return {"description": description, **shown, "content": {"application/json": content}}


def responses(binding: Binding, answer: Callable[[Binding], Schema]) -> dict[str, Any]:
    """Return the responses object of an operation; `answer` gives the schema of what is answered."""
    headers = {"headers": {"ETag": ETAG}} if binding.has_etag else {}
    content = {"application/json": {"schema": answer(binding)}}
    found: dict[str, Any] = {"200": {"description": "The answer.", **headers, "content": content}}
    if binding.may_be_unchanged:
        found["304"] = {"description": "The caller has the answer already: nothing has changed.", **headers}
    return found | {str(status): refer(status) for status in statuses(binding)}


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")
