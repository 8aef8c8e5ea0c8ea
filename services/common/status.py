"""Typed errors as gRPC statuses, and back.

Both directions stand in this file, so that an error which crosses two services arrives as it left. The details follow
AIP-193: ErrorInfo always, BadRequest for fields, RetryInfo where waiting helps.
"""

import logging

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from services.common import errors

log = logging.getLogger(__name__)

DOMAIN = "sedifex"

# A status travels in HTTP/2 trailers, of which gRPC takes 8 KB; beyond that the caller would get a transport error
# instead of ours. What is long in an error is what the caller sent.
MAX_MESSAGE = 600
MAX_DETAIL = 120
MAX_VIOLATIONS = 10

_CODES: dict[type[errors.SedifexError], int] = {
    errors.InvalidArgument: code_pb2.INVALID_ARGUMENT,
    errors.Unauthenticated: code_pb2.UNAUTHENTICATED,
    errors.PermissionDenied: code_pb2.PERMISSION_DENIED,
    errors.NotFound: code_pb2.NOT_FOUND,
    errors.AlreadyExists: code_pb2.ALREADY_EXISTS,
    errors.Conflict: code_pb2.ABORTED,
    errors.FailedPrecondition: code_pb2.FAILED_PRECONDITION,
    errors.Exhausted: code_pb2.RESOURCE_EXHAUSTED,
    errors.Unavailable: code_pb2.UNAVAILABLE,
}
_KINDS = {code: kind for kind, code in _CODES.items()}

# Said of the calling service, not of whom it works for: its settings are wrong, and its caller can do nothing about it.
_OURS_TO_MEND = {errors.Unauthenticated, errors.PermissionDenied}


def from_error(error: errors.SedifexError) -> status_pb2.Status:
    """The status, with details, that tells the caller of `error`."""
    status = status_pb2.Status(code=_CODES[type(error)], message=_cut(error.message, MAX_MESSAGE))
    metadata = {name: _cut(value, MAX_DETAIL) for name, value in error.metadata.items()}
    _add(status, error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata))
    if error.violations:
        violations = [
            error_details_pb2.BadRequest.FieldViolation(
                field=_cut(each.field, MAX_DETAIL), description=_cut(each.description, MAX_DETAIL)
            )
            for each in error.violations[:MAX_VIOLATIONS]
        ]
        _add(status, error_details_pb2.BadRequest(field_violations=violations))
    if error.retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(error.retry_after * 1000))
        _add(status, error_details_pb2.RetryInfo(retry_delay=delay))
    return status


def internal(request_id: str) -> status_pb2.Status:
    """The one answer to whatever was not foreseen: it tells nothing but where to look."""
    message = f"Something went wrong on our side. Report it with the request id {request_id}."
    status = status_pb2.Status(code=code_pb2.INTERNAL, message=message)
    _add(status, error_details_pb2.ErrorInfo(reason="INTERNAL", domain=DOMAIN))
    return status


def to_error(failure: grpc.aio.AioRpcError) -> errors.SedifexError:
    """The typed error that another service answered with.

    A status that no typed error stands for (the other service is down, too slow or broken) is `Unavailable` for our
    own caller, without the transport's words: they name hosts. So is a refusal of the calling service itself.
    """
    kind = _KINDS.get(failure.code().value[0])
    status = rpc_status.from_call(failure)
    if kind in _OURS_TO_MEND:
        log.error("another service refuses this one", extra={"cause": failure.details()})
    if kind is None or kind in _OURS_TO_MEND or status is None:
        return errors.Unavailable("A part of Sedifex cannot be reached just now. Try again shortly.", retry_after=1)
    error = kind(status.message)
    for detail in status.details:
        info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            error.reason, error.metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad):
            error.violations = tuple(errors.FieldViolation(v.field, v.description) for v in bad.field_violations)
        elif detail.Unpack(retry):
            error.retry_after = retry.retry_delay.ToMilliseconds() / 1000
    return error


def info_of(failure: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    """The machine's words for why a call failed; an empty message if there are none."""
    status, info = rpc_status.from_call(failure), error_details_pb2.ErrorInfo()
    for detail in status.details if status else ():
        if detail.Unpack(info):
            break
    return info


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _add(status: status_pb2.Status, detail: object) -> None:
    packed = any_pb2.Any()
    packed.Pack(detail)  # type: ignore[arg-type]
    status.details.append(packed)
