"""What every process counts and measures, for Prometheus.

A metric is declared in the module that counts it; here is what several modules share. Names follow
https://prometheus.io/docs/practices/naming/: seconds and bytes, `_total` for what only grows. A label has as many
values as the contract or the code has words for it, never as many as there are stores, keys or addresses.

What the database alone knows is sampled every `SAMPLE_S`, in each replica alike, so queries take the maximum. While it
cannot be asked such a metric is NaN, which meets no condition, and `sedifex_database_up` is 0.
"""

import asyncio
import logging
import math
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

import grpc
from prometheus_client import REGISTRY, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from services.common.errors import SedifexError

log = logging.getLogger(__name__)

# When a series began is a second series for each: nobody asks, and every scrape pays.
disable_created_metrics()  # type: ignore[no-untyped-call]

SAMPLE_S = 10.0
COUNTED = 10_000
"""How far a sample counts rows: more are as alarming, and would cost as much as they are many."""

RPC_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

# In no registry yet: a process shows (`show`) only what it has to say something of. 0 would be an answer too.
_CALLS = Counter("sedifex_rpc_requests", "RPCs answered, by method and code.", ["method", "code"], registry=None)
_CALL_SECONDS = Histogram(
    "sedifex_rpc_duration_seconds",
    "How long RPCs took, by method, refused ones too.",
    ["method"],
    buckets=RPC_BUCKETS_S,
    registry=None,
)

_VERDICTS = Counter(
    "sedifex_verdicts",
    "Judgements on credentials: remembered, asked (of the Keys service), refused (nobody's), throttled (too many wrong "
    "ones from one address), unavailable (nobody could tell).",
    ["outcome"],
    registry=None,
)
VERDICT_REMEMBERED = _VERDICTS.labels("remembered")
VERDICT_ASKED = _VERDICTS.labels("asked")
VERDICT_REFUSED = _VERDICTS.labels("refused")
VERDICT_THROTTLED = _VERDICTS.labels("throttled")
VERDICT_UNAVAILABLE = _VERDICTS.labels("unavailable")
LEASE_LEFT = Gauge(
    "sedifex_lease_remaining_seconds",
    "For how long what is remembered of credentials still counts; at 0 every call with a key is refused.",
    registry=None,
)
_RENEWALS = Counter(
    "sedifex_lease_renewals", "Renewals of the lease on verdicts: renewed, failed.", ["outcome"], registry=None
)
RENEWED = _RENEWALS.labels("renewed")
NOT_RENEWED = _RENEWALS.labels("failed")

CERTIFICATE_EXPIRES = Gauge(
    "sedifex_tls_certificate_expires_timestamp_seconds",
    "When the certificate ends that the process shows to others, in Unix time; NaN: it has none.",
    registry=None,
)

DATABASE_UP = Gauge("sedifex_database_up", "Whether PostgreSQL answered when it was last asked.", registry=None)
DATABASE_THREADS = Gauge(
    "sedifex_database_threads", "Database connections that this process works on at most.", registry=None
)
DATABASE_CALLS = Gauge(
    "sedifex_database_calls_in_flight", "Calls that are on a database connection or wait for one.", registry=None
)
DATABASE_REFUSED = Counter(
    "sedifex_database_calls_refused", "Calls refused because too many waited for a connection.", registry=None
)
DATABASE_FAILURES = Counter(
    "sedifex_database_failures",
    "Statements that PostgreSQL did not carry out: unreachable, broken, timeout, refused.",
    ["cause"],
    registry=None,
)
for _cause in ("unreachable", "broken", "timeout", "refused"):
    DATABASE_FAILURES.labels(_cause)


OF_SERVICES = (_CALLS, _CALL_SECONDS, _VERDICTS, LEASE_LEFT, _RENEWALS)
"""What every gRPC service shows."""
OF_POOLS = (DATABASE_UP, DATABASE_THREADS, DATABASE_CALLS, DATABASE_REFUSED)
"""What every process shows that has a pool of database connections."""

Sample = Mapping[Gauge, float]
"""What was found, by what shows it."""

_shown: set[Collector] = set()


def show(*collectors: Collector) -> None:
    """Exposes metrics from now on."""
    for each in collectors:
        if each not in _shown:
            _shown.add(each)
            REGISTRY.register(each)


class RpcMetrics:
    """Counts RPCs. Children are looked up once: `labels` costs more than all the rest."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], Counter] = {}
        self._seconds: dict[str, Histogram] = {}

    def observe(self, method: str, code: str, seconds: float) -> None:
        """Counts one RPC of the contract: "/sedifex.keys.v1.KeysService/GetKey" was answered "OK"."""
        counter = self._codes.get((method, code))
        if counter is None:
            counter = self._codes[method, code] = _CALLS.labels(method.lstrip("/"), code)
        counter.inc()
        histogram = self._seconds.get(method)
        if histogram is None:
            histogram = self._seconds[method] = _CALL_SECONDS.labels(method.lstrip("/"))
        histogram.observe(seconds)


class BatchHistogram(Collector):
    """A histogram for what happens many thousand times a second: it takes a batch at a time, and no lock.

    Observed by one thread only. A scrape meanwhile may see a part of a batch, and sees the rest next time.
    """

    def __init__(self, name: str, documentation: str, bounds: Iterable[float]) -> None:
        self._name = name
        self._documentation = documentation
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        REGISTRY.register(self)

    def observe_all(self, values: Iterable[float], unit: float = 1.0) -> None:
        """Takes these observations, each in `unit` of what the metric is in: 0.001 if they are milliseconds."""
        # Sorted, a bucket costs one search, and a value next to nothing.
        ordered = sorted(values)
        below = 0
        for number, bound in enumerate(self._bounds):
            reaching = bisect_right(ordered, bound / unit)
            self._counts[number] += reaching - below
            below = reaching
        self._counts[-1] += len(ordered) - below
        self._sum += sum(ordered) * unit

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The buckets as Prometheus wants them: each holds those below it too."""
        buckets, count = [], 0
        for bound, own in zip((*self._bounds, math.inf), list(self._counts), strict=True):
            count += own
            buckets.append(("+Inf" if bound == math.inf else str(float(bound)), float(count)))
        yield HistogramMetricFamily(self._name, self._documentation, buckets=buckets, sum_value=self._sum)


def code_of(context: grpc.aio.ServicerContext[object, object]) -> str:
    """The status by its name that a call is answered with."""
    code = context.code()
    return code.name if isinstance(code, grpc.StatusCode) else "OK"


async def sampling(sample: Callable[[], Awaitable[Sample]], every: float = SAMPLE_S) -> None:
    """Sets gauges to what `sample` finds, each so many seconds, until cancelled."""
    gauges: set[Gauge] = set()
    while True:
        values: Sample = {}
        try:
            values = await sample()
        except SedifexError as failure:
            log.warning("metrics could not be sampled", extra={"cause": failure.reason})
        except Exception:
            log.exception("metrics could not be sampled")
        gauges |= values.keys()
        for gauge in gauges:
            gauge.set(values.get(gauge, math.nan))
            show(gauge)
        await asyncio.sleep(every)
