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


class Shown(Gauge):
    """A gauge that a process exposes only once it has something to say: 0 would be an answer too."""

    def __init__(self, name: str, documentation: str) -> None:
        super().__init__(name, documentation, registry=None)
        self._is_shown = False

    def show(self) -> None:
        """Exposes it from now on."""
        if not self._is_shown:
            self._is_shown = True
            REGISTRY.register(self)


RPC_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_CALLS = Counter("sedifex_rpc_requests", "RPCs answered.", ["method", "code"])
_CALL_SECONDS = Histogram(
    "sedifex_rpc_duration_seconds", "How long RPCs took, refused ones too.", ["method"], buckets=RPC_BUCKETS_S
)

_VERDICTS = Counter(
    "sedifex_verdicts",
    "Judgements on credentials: remembered, asked (of the Keys service), refused (nobody's), throttled (too many wrong "
    "ones from one address), unavailable (nobody could tell).",
    ["outcome"],
)
VERDICT_REMEMBERED = _VERDICTS.labels("remembered")
VERDICT_ASKED = _VERDICTS.labels("asked")
VERDICT_REFUSED = _VERDICTS.labels("refused")
VERDICT_THROTTLED = _VERDICTS.labels("throttled")
VERDICT_UNAVAILABLE = _VERDICTS.labels("unavailable")
LEASE_LEFT = Shown(
    "sedifex_lease_remaining_seconds",
    "For how long what is remembered of credentials still counts; at 0 every call with a key is refused.",
)
_RENEWALS = Counter("sedifex_lease_renewals", "Renewals of the lease on verdicts.", ["outcome"])
RENEWED = _RENEWALS.labels("renewed")
NOT_RENEWED = _RENEWALS.labels("failed")

DATABASE_UP = Shown("sedifex_database_up", "Whether PostgreSQL answered when it was last asked.")
DATABASE_THREADS = Shown("sedifex_database_threads", "Database connections that this process works on at most.")
DATABASE_CALLS = Shown("sedifex_database_calls_in_flight", "Calls that are on a database connection or wait for one.")
DATABASE_REFUSED = Counter("sedifex_database_calls_refused", "Calls refused because too many waited for a connection.")
DATABASE_FAILURES = Counter(
    "sedifex_database_failures",
    "Statements that PostgreSQL did not carry out: unreachable, broken, timeout, refused.",
    ["cause"],
)
for _cause in ("unreachable", "broken", "timeout", "refused"):
    DATABASE_FAILURES.labels(_cause)


Sample = Mapping[Shown, float]
"""What was found, by what shows it."""


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
    gauges: set[Shown] = set()
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
            gauge.show()
        await asyncio.sleep(every)
