"""What every call passes beside the access check, from the outside in: request id and log, errors, validation."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import grpc
from buf.validate import validate_pb2
from google.protobuf.message import Message
from grpc_interceptor.server import AsyncServerInterceptor
from grpc_status import rpc_status
from protovalidate import Validator

from services.common import metrics, status, telemetry
from services.common.errors import FieldViolation, InvalidArgument, SedifexError
from services.common.rpc import INFRASTRUCTURE, proceed

log = logging.getLogger(__name__)

_validator = Validator()

QUIET = frozenset({"/sedifex.keys.v1.KeysService/RenewLease"})
"""Called every second by every watcher: logged only where somebody wants to see everything."""


class RequestInterceptor(AsyncServerInterceptor):
    """Gives each call its request id, tells the caller of it, counts and logs the call when it is over. Outermost."""

    def __init__(self) -> None:
        self._metrics = metrics.RpcMetrics()

    async def intercept(
        self,
        method: Callable[..., Any],
        request_or_iterator: Any,
        context: grpc.aio.ServicerContext[Any, Any],
        method_name: str,
    ) -> Any:
        """Passes everything on."""
        if method_name.startswith(INFRASTRUCTURE):
            return await proceed(method, request_or_iterator, context)
        offered = dict(context.invocation_metadata() or ()).get(telemetry.REQUEST_ID_HEADER)
        request_id = telemetry.begin_request(offered if isinstance(offered, str) else None)
        context.set_trailing_metadata(((telemetry.REQUEST_ID_HEADER, request_id),))
        began = time.perf_counter()
        is_cancelled = False
        try:
            return await proceed(method, request_or_iterator, context)
        except asyncio.CancelledError:
            is_cancelled = True  # the caller has gone, or its deadline has passed
            raise
        finally:
            took = time.perf_counter() - began
            code = "CANCELLED" if is_cancelled else metrics.code_of(context)
            self._metrics.observe(method_name, code, took)
            if log.isEnabledFor(logging.DEBUG if method_name in QUIET else logging.INFO):
                log.info("call", extra={"method": method_name, "code": code, "ms": round(took * 1000, 1)})


class ErrorInterceptor(AsyncServerInterceptor):
    """Turns what is raised into a status: typed errors into theirs, anything else into one fixed INTERNAL."""

    async def intercept(
        self,
        method: Callable[..., Any],
        request_or_iterator: Any,
        context: grpc.aio.ServicerContext[Any, Any],
        method_name: str,
    ) -> Any:
        """Passes answers on; aborts the call when something was raised."""
        try:
            return await proceed(method, request_or_iterator, context)
        except SedifexError as error:
            answer = status.from_error(error)
        except grpc.aio.AbortError:
            raise
        except Exception:
            log.exception("unexpected error", extra={"method": method_name})
            answer = status.internal(telemetry.request_id())
        trailing = ((telemetry.REQUEST_ID_HEADER, telemetry.request_id()),)
        rich = rpc_status.to_status(answer)
        return await context.abort(rich.code, rich.details, trailing_metadata=(*trailing, *rich.trailing_metadata))


class ValidationInterceptor(AsyncServerInterceptor):
    """Checks each request against the rules written in the contract. Innermost: a stranger learns nothing from it."""

    async def intercept(
        self,
        method: Callable[..., Any],
        request_or_iterator: Any,
        context: grpc.aio.ServicerContext[Any, Any],
        method_name: str,  # noqa: ARG002 - the base class names it
    ) -> Any:
        """Passes on what is valid.

        Raises:
            InvalidArgument: it names every field that is not as it must be.
        """
        if isinstance(request_or_iterator, Message):
            validate(request_or_iterator)
        return await proceed(method, request_or_iterator, context)


def validate(message: Message) -> None:
    """Checks `message` against the rules written in the contract.

    Raises:
        InvalidArgument: it names every field that is not as it must be.
    """
    violations = violations_of(message)
    if not violations:
        return
    text = "; ".join(f"{each.field}: {each.description}" for each in violations[:5])
    more = f" (and {len(violations) - 5} more)" if len(violations) > 5 else ""
    raise InvalidArgument(text + more, violations=violations)


def violations_of(message: Message) -> list[FieldViolation]:
    """What in `message` is not as the contract says that it must be."""
    found = _validator.collect_violations(message)
    return [FieldViolation(_path(each.proto), _explain(message, each.proto)) for each in found]


def _path(violation: Any) -> str:
    """The path of a violation as clients write it: "product.images[2].uri"."""
    if violation.field is None:
        return str(violation.rule_id)  # rules on a whole message carry the field's path as their id
    parts = []
    for element in violation.field.elements:
        subscript = element.subscript
        parts.append(element.field_name + (f"[{subscript.value}]" if subscript is not None else ""))
    return ".".join(parts)


def _explain(message: Message, violation: Any) -> str:
    """What the field must be. A regular expression explains nothing to most people; the contract has an example."""
    if violation.rule_id != "string.pattern":
        return str(violation.message or violation.rule_id)
    descriptor: Any = message.DESCRIPTOR
    field: Any = None
    for element in violation.field.elements:
        field = descriptor.fields_by_number[element.field_number]
        descriptor = field.message_type
    rules = field.GetOptions().Extensions[validate_pb2.field]
    examples = (rules.repeated.items if rules.HasField("repeated") else rules).string.example
    return f'must be like "{examples[0]}"' if examples else str(violation.message)
