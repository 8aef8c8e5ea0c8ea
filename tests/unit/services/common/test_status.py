"""Typed errors become statuses that say all they know, and come back the same."""

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from services.common import errors, status

KINDS = [
    errors.InvalidArgument,
    errors.Unauthenticated,
    errors.PermissionDenied,
    errors.NotFound,
    errors.AlreadyExists,
    errors.Conflict,
    errors.FailedPrecondition,
    errors.Exhausted,
    errors.Unavailable,
]
REFUSALS = {errors.Unauthenticated, errors.PermissionDenied}


def _across_the_wire(error: errors.SedifexError) -> errors.SedifexError:
    rich = rpc_status.to_status(status.from_error(error))
    failure = grpc.aio.AioRpcError(
        rich.code, grpc.aio.Metadata(), grpc.aio.Metadata(*rich.trailing_metadata), details=rich.details
    )
    return status.to_error(failure)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - REFUSALS, key=str))
def test_an_error_that_crosses_two_services_arrives_as_it_left(kind: type[errors.SedifexError]) -> None:
    violations = [errors.FieldViolation("a.b", "must be c")]
    sent = kind("What to do.", reason="WHY", metadata={"k": "v"}, violations=violations, retry_after=1.5)
    came = _across_the_wire(sent)
    assert type(came) is kind
    assert vars(came) == vars(sent)


def test_a_long_error_still_fits_in_what_carries_it() -> None:
    violations = [errors.FieldViolation("f" * 9000, "d" * 9000)] * 300
    long = errors.InvalidArgument("m" * 9000, metadata={"k": "v" * 9000}, violations=violations)
    assert status.from_error(long).ByteSize() < 6000


@pytest.mark.parametrize("kind", [errors.Unauthenticated, errors.PermissionDenied])
def test_a_refusal_of_this_service_is_not_passed_on_to_its_caller(kind: type[errors.SedifexError]) -> None:
    assert type(_across_the_wire(kind("no"))) is errors.Unavailable


def test_every_kind_of_error_is_covered() -> None:
    assert set(KINDS) == set(errors.SedifexError.__subclasses__())


def test_a_broken_peer_is_unavailable_without_its_words() -> None:
    metadata = grpc.aio.Metadata()
    failure = grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE, metadata, metadata, details="failed to connect to 10.1.2.3:50051"
    )
    came = status.to_error(failure)
    assert type(came) is errors.Unavailable
    assert "10.1.2.3" not in came.message
    assert came.retry_after


def test_what_was_not_foreseen_tells_the_request_id_only() -> None:
    answer = status.internal("req-12345")
    info = error_details_pb2.ErrorInfo()
    assert answer.details[0].Unpack(info)
    assert info.reason == "INTERNAL"
    assert "req-12345" in answer.message
