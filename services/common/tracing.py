"""Traces by OpenTelemetry, from a request at the gateway to the delivery that it caused. Off unless a setting is made.

While they are off nothing of OpenTelemetry is imported, and what asks here gets an empty answer. The gateway begins
traces, for a share of its requests; the services only go on with what they are handed, as `traceparent`
(https://www.w3.org/TR/trace-context/). Only what is recorded has one: what was not chosen leaves nothing behind.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
from grpc_interceptor.server import AsyncServerInterceptor

from services.common import metrics
from services.common.rpc import proceed
from services.common.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

log = logging.getLogger(__name__)

TRACEPARENT = "traceparent"
EXPORT_EVERY_MS = 1_000
MAX_WAITING = 2_048
"""Spans that wait for the collector; more are dropped, so that it can be away."""

_tracer: "Tracer | None" = None


def configure(process: str, settings: Settings) -> None:
    """Turns traces on for this process, if the settings name a collector."""
    global _tracer  # noqa: PLW0603 - one a process, as the logging is
    if not settings.traces_endpoint:
        return
    # Here, so that nobody pays for them who does not trace.
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415

    exporter = OTLPSpanExporter(settings.traces_endpoint, insecure=settings.traces_endpoint.startswith("http://"))
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(settings.traces_ratio)),
        resource=Resource.create({"service.name": f"sedifex-{process}"}),
    )
    provider.add_span_processor(
        BatchSpanProcessor(exporter, max_queue_size=MAX_WAITING, schedule_delay_millis=EXPORT_EVERY_MS)
    )
    _tracer = provider.get_tracer("sedifex")
    log.info("traces are on", extra={"ratio": settings.traces_ratio})


def is_on() -> bool:
    """Whether this process traces."""
    return _tracer is not None


def current() -> str:
    """The `traceparent` of what is being done; empty if it is not traced."""
    if _tracer is None:
        return ""
    from opentelemetry import trace  # noqa: PLC0415

    context = trace.get_current_span().get_span_context()
    if not (context.is_valid and context.trace_flags.sampled):
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-01"


def outgoing() -> list[tuple[str, str]]:
    """The metadata that hands the trace on."""
    if _tracer is None or not (traceparent := current()):
        return []
    return [(TRACEPARENT, traceparent)]


@contextmanager
def span(name: str, kind: str, parent: str = "") -> Iterator["Span"]:
    """Traces what is done in the context: within `parent`, a traceparent, else as the beginning of a trace.

    Only while traces are on. `kind` is "SERVER", "CLIENT" or another name of OpenTelemetry's. What is raised is noted
    by its class alone: messages may hold what does not belong here.
    """
    from opentelemetry import trace  # noqa: PLC0415

    begun = _begin(name, kind, parent)
    with trace.use_span(begun, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield begun
        except BaseException as failure:
            begun.set_status(trace.StatusCode.ERROR, type(failure).__name__)
            raise


def note(
    name: str,
    kind: str,
    parent: str,
    *,
    begin: float,
    end: float,
    attributes: Mapping[str, str | int],
    failed: bool = False,
) -> None:
    """Notes what was done from `begin` to `end`, in Unix time, within `parent`. Only while traces are on."""
    from opentelemetry import trace  # noqa: PLC0415

    noted = _begin(name, kind, parent, start_time=int(begin * 1e9), attributes=dict(attributes))
    if failed:
        noted.set_status(trace.StatusCode.ERROR)
    noted.end(int(end * 1e9))


def _begin(name: str, kind: str, parent: str, **options: Any) -> "Span":
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace import SpanKind  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    if _tracer is None:
        raise RuntimeError("traces are off")
    context = TraceContextTextMapPropagator().extract({TRACEPARENT: parent}, Context()) if parent else Context()
    kinds: Mapping[str, SpanKind] = SpanKind.__members__
    return _tracer.start_span(name, context, kinds[kind], **options)


class TracingInterceptor(AsyncServerInterceptor):
    """Goes on with the traces that calls belong to. In a server only while traces are on."""

    async def intercept(
        self,
        method: Callable[..., Any],
        request_or_iterator: Any,
        context: grpc.aio.ServicerContext[Any, Any],
        method_name: str,
    ) -> Any:
        """Passes everything on."""
        parent = dict(context.invocation_metadata() or ()).get(TRACEPARENT)
        if not isinstance(parent, str):
            return await proceed(method, request_or_iterator, context)
        with span(method_name.lstrip("/"), "SERVER", parent) as begun:
            try:
                return await proceed(method, request_or_iterator, context)
            finally:
                begun.set_attribute("rpc.response.status_code", metrics.code_of(context))
