"""The ASGI application that serves gRPC services as REST by their `google.api.http` annotations."""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .answers import Answer, Ask, answer_conditional, answer_read, answer_write
from .bindings import Binding, read_bindings
from .decode import Decoder
from .encode import Encoder
from .endpoint import Endpoint, Metadata
from .errors import Problem, internal_problem, late, problem_from_request, problem_from_rpc
from .incoming import ClientGoneError, check_is_json, list_header, raw_path, read_body, timeout_of, wait_until_gone
from .invalid import InvalidRequestError
from .rendered import RenderedAnswers
from .router import MethodNotAllowedError, NoRouteError, Router
from .sharing import SharedCalls
from .template import PathError

log = logging.getLogger(__name__)

ROUTE = "transcoding.route"
"""Under which name the template of the route is in the ASGI scope once it has been found, for who measures."""

_NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Options:
    """How a Transcoder behaves. Times are in seconds.

    Answers to GET that have an ETag, and a 304, go out under `cache_control_with_etag` and `vary`, which names the
    headers that decide who is asking; all others under `cache_control`. None leaves a header out.

    `rendered_bytes` bounds the memory of rendered answers (see `rendered`); 0 switches it off.

    `answer_headers` names headers of the answer by the trailing metadata of the service that they are taken from.

    `unshared_metadata`: where it is given, requests of one caller for the same that come at the same time, to a method
    whose service judges conditions, share calls (see `sharing`). The same caller is who sends the same metadata but for
    what is named here, such as a request's id. None: each request has a call of its own.

    `partial_etags` has the full names of messages whose etag changes with less than all that they show, as where they
    say what holds at this moment. Their etag is still that of writes; but they are never "not modified".
    """

    max_body_bytes: int = 1 << 20
    body_timeout: float = 15.0
    default_deadline: float = 15.0
    max_deadline: float = 60.0
    cache_control: str | None = "no-store"
    cache_control_with_etag: str | None = "private, no-cache"
    vary: str | None = "Authorization"
    rendered_bytes: int = 32 << 20
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    unshared_metadata: frozenset[str] | None = None
    partial_etags: frozenset[str] = frozenset()
    with_defaults: bool = False


def no_metadata(_request: Request) -> Metadata:
    """Send nothing of the HTTP request upstream."""
    return []


def new_request_id(_request: Request) -> str:
    """Return a random id."""
    return uuid.uuid4().hex


class Transcoder:
    """An ASGI application over services and the channels that lead to them; it can be mounted in Starlette.

    `metadata` decides which gRPC metadata goes upstream with a request, and may raise Problem to refuse it;
    `request_id` names a request in error bodies and logs. An RPC may take `options.default_deadline`, or what the
    client wishes in the header Request-Timeout (seconds), at most `options.max_deadline`. A body larger than
    `options.max_body_bytes` is refused with 413.

    Raises BindingError or RouteConflictError for annotations that cannot be served.
    """

    def __init__(
        self,
        services: Iterable[tuple[ServiceDescriptor, grpc.aio.Channel]],
        *,
        metadata: Callable[[Request], Metadata] = no_metadata,
        request_id: Callable[[Request], str] = new_request_id,
        options: Options | None = None,
    ) -> None:
        self._options = options or Options()
        self._metadata = metadata
        self._request_id = request_id
        self._router: Router[Endpoint] = Router()
        self._memory = RenderedAnswers(self._options.rendered_bytes)
        self._shared = SharedCalls()
        decoder, encoder = Decoder(), Encoder(with_defaults=self._options.with_defaults)
        for service, channel in services:
            for binding in read_bindings(service, self._options.partial_etags):
                endpoint = Endpoint(binding, channel, decoder, encoder)
                self._router.add(binding.http_method, binding.template, endpoint)

    @property
    def bindings(self) -> Sequence[Binding]:
        """All bindings that are served, as `openapi.document` takes them."""
        return [route.target.binding for route in self._router.routes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request. Other scopes (lifespan, websocket) belong to the application around it."""
        if scope["type"] != "http":
            raise RuntimeError(f"Transcoder serves http, not {scope['type']}; mount it in an application that does")
        request = Request(scope, receive)
        request_id = self._request_id(request)
        try:
            response = await self._respond(request)
        except Exception as error:
            problem = _problem(error)
            if problem.status >= 500:
                _log_failure(request_id, error.__cause__ or error)
            response = self._json(problem.body(request_id), problem.status, problem.response_headers())
        if request.method == "HEAD":
            response.body = b""  # Content-Length stays that of the answer to GET (RFC 9110, 8.6)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        path = raw_path(request.scope)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": ", ".join(self._router.allowed(path))})
        match = self._router.find(request.method, path)
        request.scope[ROUTE] = match.route.template.source
        endpoint, options = match.route.target, self._options
        timeout = timeout_of(request, options.default_deadline, options.max_deadline)
        body = await read_body(request, options.max_body_bytes, options.body_timeout)
        check_is_json(request, body)
        key = request.headers.get("Idempotency-Key")
        message = endpoint.request(body, match.variables, request.scope["query_string"], key)
        told: dict[str, str] = {}
        ask = self._asking(endpoint, timeout, self._metadata(request), request.receive, told)
        response = self._response(endpoint, await self._answer(endpoint, message, request, ask))
        response.headers.update(told)
        return response

    async def _answer(self, endpoint: Endpoint, message: Message, request: Request, ask: Ask) -> Answer:
        if not endpoint.binding.reads:
            return await answer_write(endpoint, message, list_header(request, "If-Match"), ask)
        condition = list_header(request, "If-None-Match") or ""
        if endpoint.binding.is_conditional:
            return await answer_conditional(endpoint, message, condition, ask, self._memory)
        return await answer_read(endpoint, message, condition, ask)

    def _asking(
        self, endpoint: Endpoint, timeout: float, metadata: Metadata, receive: Receive, told: dict[str, str]
    ) -> Ask:
        """Return what calls the service for one request; all its calls together may take `timeout` seconds.

        What the service tells beside its answer goes into `told`, as headers.
        """
        deadline = time.monotonic() + timeout
        apart = self._options.unshared_metadata
        whose = tuple(each for each in metadata if apart is None or each[0] not in apart)

        async def ask(message: Message) -> Any:
            def start(seconds: float) -> Awaitable[Any]:
                return _await(endpoint.call(message, seconds, metadata), self._options.answer_headers)

            if apart is None or not endpoint.binding.is_conditional:
                asking = start(deadline - time.monotonic())
            else:
                asking = self._shared.ask((whose, endpoint.key(message)), start, deadline)
            try:
                response, headers = await _unless_gone(asking, receive)
            except TimeoutError:
                raise late() from None
            except grpc.aio.AioRpcError as error:
                raise problem_from_rpc(error, endpoint.binding.as_written) from error
            told.update(headers)
            return response

        return ask

    def _response(self, endpoint: Endpoint, answer: Answer) -> Response:
        headers = {"ETag": answer.etag} if answer.etag else {}
        if answer.etag and endpoint.binding.may_be_unchanged:
            options = self._options
            chosen = {"Cache-Control": options.cache_control_with_etag, "Vary": options.vary}
            headers |= {name: value for name, value in chosen.items() if value is not None}
            if answer.content is None:
                return Response(status_code=304, headers=headers)
        return self._json(answer.content or b"", headers=headers)

    def _json(self, content: bytes, status: int = 200, headers: Mapping[str, str] = _NO_HEADERS) -> Response:
        response = Response(content, status, headers, media_type="application/json")
        response.headers["X-Content-Type-Options"] = "nosniff"
        if self._options.cache_control is not None:
            response.headers.setdefault("Cache-Control", self._options.cache_control)
        return response


async def _unless_gone(asking: Awaitable[Any], receive: Receive) -> Any:
    """Return what is awaited. Raises ClientGoneError, and cancels it, once the client has left."""
    answered = asyncio.ensure_future(asking)
    gone = asyncio.ensure_future(wait_until_gone(receive))
    try:
        await asyncio.wait({answered, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            raise ClientGoneError
        if answered.cancelled():
            # Nobody here cancelled it: the channel was closed under it, as when the gateway shuts down.
            raise Problem(grpc.StatusCode.UNAVAILABLE, "The gateway is shutting down. Try again.")
        return answered.result()
    finally:
        gone.cancel()
        answered.cancel()


async def _await(call: grpc.aio.UnaryUnaryCall[Any, Any], wanted: Mapping[str, str]) -> tuple[Any, dict[str, str]]:
    """Return the response, and what of its trailing metadata is wanted, as headers."""
    try:
        response = await call
        if not wanted:
            return response, {}
        told = await call.trailing_metadata()
        return response, {wanted[key]: value for key, value in told if key in wanted and isinstance(value, str)}
    finally:
        call.cancel()


def _problem(error: Exception) -> Problem:
    """Return what the caller is told of any failure."""
    match error:
        case Problem():
            problem = error
        case InvalidRequestError():
            problem = problem_from_request(error)
        case PathError():
            problem = Problem(grpc.StatusCode.INVALID_ARGUMENT, f"The request cannot be read: {error}.")
        case NoRouteError():
            message = "Nothing is served at this path. Compare it with the API's description."
            problem = Problem(grpc.StatusCode.NOT_FOUND, message)
        case MethodNotAllowedError():
            allow = ", ".join(error.allow)
            message = f"This path is served under other methods: {allow}. Use one of these."
            problem = Problem(grpc.StatusCode.UNIMPLEMENTED, message, http_status=405, headers={"Allow": allow})
        case ClientGoneError():
            message = "The client closed the connection before it was answered."
            problem = Problem(grpc.StatusCode.CANCELLED, message)
        case _:
            problem = internal_problem()
    return problem


def _log_failure(request_id: str, error: BaseException) -> None:
    if isinstance(error, grpc.aio.AioRpcError):
        log.warning("request %s: the service answered %s: %s", request_id, error.code().name, error.details())
    else:
        log.error("request %s failed in the gateway", request_id, exc_info=error)
