"""Failures → HTTP: the status by google.rpc.Code, and one JSON body in the manner of AIP-193.

{"error": {"code": 404, "status": "NOT_FOUND", "message": "…", "details": [{"@type": "…"}], "requestId": "…"}}
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError as WireError
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from .encode import EncodeError, Encoder
from .invalid import InvalidRequestError
from .places import Rename, rename_violations

STATUS_DETAILS_KEY = "grpc-status-details-bin"
"""The trailer in which gRPC carries a serialised google.rpc.Status."""

ETAG_MISMATCH = "ETAG_MISMATCH"
"""The reason in ErrorInfo by which a service says that a resource has another etag than was asked for."""

HTTP_STATUS: Mapping[grpc.StatusCode, int] = {
    grpc.StatusCode.OK: 200,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DATA_LOSS: 500,
}
"""The mapping that google/rpc/code.proto gives for each code."""

_INTERNAL_MESSAGE = "An unexpected error occurred. Try again; if it persists, report the request id."

_HIDDEN = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS})
"""Codes whose text was written for operators: a stack trace, a query, a host. Callers get a fixed sentence."""

_FROM_CHANNEL = {
    grpc.StatusCode.UNAVAILABLE: "The service is not available at the moment. Try again shortly.",
    grpc.StatusCode.DEADLINE_EXCEEDED: "The service did not answer in time. Try again, or allow more time.",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "The service is overloaded, or the answer too large. Ask for less, or later.",
    grpc.StatusCode.CANCELLED: "The request was cancelled before it was answered.",
}
"""Codes that the channel raises itself, with addresses of hosts in its text."""

_debug_info_type = error_details_pb2.DebugInfo.DESCRIPTOR.full_name
_encoder = Encoder()


@dataclass(eq=False)
class Problem(Exception):
    """A failure as the caller sees it. `http_status` stands where HTTP has a nearer status than the code's own."""

    code: grpc.StatusCode
    message: str
    details: Sequence[any_pb2.Any] = ()
    http_status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.http_status or HTTP_STATUS[self.code]

    def body(self, request_id: str) -> bytes:
        """Return the JSON body, for logs and callers alike to be found by `request_id`."""
        error: dict[str, Any] = {"code": self.status, "status": self.code.name, "message": self.message}
        if self.details:
            error["details"] = [_detail(detail) for detail in self.details]
        error["requestId"] = request_id
        return json.dumps({"error": error}, ensure_ascii=False, separators=(",", ":")).encode()

    def response_headers(self) -> dict[str, str]:
        """Return the headers that belong to this failure: Retry-After from RetryInfo, WWW-Authenticate for a 401."""
        headers = dict(self.headers)
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        for detail in self.details:
            retry = error_details_pb2.RetryInfo()
            if detail.Is(retry.DESCRIPTOR) and detail.Unpack(retry):
                delay = retry.retry_delay
                headers["Retry-After"] = str(max(0, delay.seconds + (delay.nanos > 0)))
        return headers


def internal_problem() -> Problem:
    """Return the problem for whatever was not expected; what it was belongs in the log only."""
    return Problem(grpc.StatusCode.INTERNAL, _INTERNAL_MESSAGE)


def late() -> Problem:
    """Return the problem of a call that has taken longer than it may."""
    return Problem(grpc.StatusCode.DEADLINE_EXCEEDED, _FROM_CHANNEL[grpc.StatusCode.DEADLINE_EXCEEDED])


def problem_from_rpc(error: grpc.aio.AioRpcError, rename: Rename | None = None) -> Problem:
    """Return what a caller may know of a failed RPC; `rename` makes a request's fields what the caller called them.

    A status without google.rpc.Status details may come from the channel and not from the service; where the code is
    one that channels raise, its text is replaced, for it names hosts and ports.
    """
    code = error.code()
    if code in _HIDDEN:
        return Problem(code, _INTERNAL_MESSAGE)
    status = _rich_status(error)
    if status is None:
        return Problem(code, _FROM_CHANNEL.get(code) or error.details() or code.name)
    details = [detail for detail in status.details if detail.TypeName() != _debug_info_type]
    message = status.message or error.details() or code.name
    if rename is not None:
        message, details = rename_violations(message, details, rename)
    return Problem(code, message, details)


def failed_condition(problem: Problem) -> Problem:
    """Return the problem of a write under If-Match: 412 where the resource has another etag by now."""
    is_mismatch = problem.code is grpc.StatusCode.ABORTED and _reason(problem) == ETAG_MISMATCH
    return replace(problem, http_status=412) if is_mismatch else problem


def problem_from_request(error: InvalidRequestError) -> Problem:
    """Return INVALID_ARGUMENT with a google.rpc.BadRequest that names the field."""
    if not error.field:
        return Problem(grpc.StatusCode.INVALID_ARGUMENT, f"The request cannot be read: {error.description}.")
    violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=error.description)
    detail = pack(error_details_pb2.BadRequest(field_violations=[violation]))
    return Problem(grpc.StatusCode.INVALID_ARGUMENT, f"{error.field}: {error.description}.", [detail])


def pack(message: Message) -> any_pb2.Any:
    """Return a message as an Any under type.googleapis.com."""
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def _rich_status(error: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    for key, value in error.trailing_metadata() or ():
        if key == STATUS_DETAILS_KEY and isinstance(value, bytes):
            try:
                status = status_pb2.Status.FromString(value)
            except WireError:
                return None
            # A status of another code is not about this failure; gRPC's own helpers disbelieve it too.
            return status if status.code == error.code().value[0] else None
    return None


def _reason(problem: Problem) -> str:
    info = error_details_pb2.ErrorInfo()
    found = (detail for detail in problem.details if detail.Is(info.DESCRIPTOR) and detail.Unpack(info))
    return str(info.reason) if next(found, None) is not None else ""


def _detail(detail: any_pb2.Any) -> Any:
    try:
        return json.loads(_encoder.text(detail))
    except EncodeError:
        # A service may be newer than its gateway: the type's name still helps, its bytes would not.
        return {"@type": detail.type_url}
