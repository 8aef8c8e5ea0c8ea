"""What a worker counts and measures: once a batch, for a delivery costs it about a hundred microseconds in all."""

from collections import Counter as Tally
from collections.abc import Sequence
from operator import itemgetter
from typing import Protocol

from prometheus_client import Counter, Gauge, Histogram

from services.common.metrics import DATABASE_FAILURES, BatchHistogram, show
from services.webhooks.worker.completion import Result

STATEMENT_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

ATTEMPTS = Counter(
    "sedifex_delivery_attempts",
    "Attempts recorded, by what became of the delivery (succeeded, pending: it is tried again, dead, cancelled, …) and "
    "by what the attempt says of its endpoint (success, failure, congestion, none: nothing was sent).",
    ["state", "sign"],
)
ATTEMPT_SECONDS = BatchHistogram(
    "sedifex_delivery_attempt_duration_seconds",
    "How long endpoints took to answer, or to fail to.",
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15),
)
IN_FLIGHT = Gauge("sedifex_deliveries_in_flight", "Deliveries being sent.")
CUT_OFF = Gauge(
    "sedifex_worker_cut_off", "Whether what was sent waits for the database to take it; nothing is claimed until then."
)
CLAIMED = Counter("sedifex_worker_claimed_deliveries", "Deliveries taken from the queue.")
CLAIM_SECONDS = Histogram(
    "sedifex_worker_claim_duration_seconds", "How long a claim took.", buckets=STATEMENT_BUCKETS_S
)
CLAIM_FAILURES = Counter("sedifex_worker_claim_failures", "Claims that the database did not carry out.")
RECORD_SECONDS = Histogram(
    "sedifex_worker_record_duration_seconds", "How long a record took.", buckets=STATEMENT_BUCKETS_S
)
RECORD_FAILURES = Counter("sedifex_worker_record_failures", "Records that the database did not carry out.")
LEASES_LOST = Counter(
    "sedifex_worker_leases_lost", "Deliveries whose lease had run out when they were to be recorded: sent again."
)


_state_and_sign = itemgetter(Result._fields.index("state"), Result._fields.index("sign"))


class Observable(Protocol):
    """What a worker shows of itself, from any thread."""

    @property
    def is_cut_off(self) -> bool:
        """Whether the database does not take what was sent."""

    @property
    def in_flight(self) -> int:
        """How many deliveries are being sent."""


def watch(worker: Observable) -> None:
    """Shows this worker."""
    show(DATABASE_FAILURES)
    IN_FLIGHT.set_function(lambda: worker.in_flight)
    CUT_OFF.set_function(lambda: worker.is_cut_off)


def recorded(results: Sequence[Result], count: int, seconds: float) -> None:
    """Counts results, of which `count` were still this worker's when they were recorded."""
    RECORD_SECONDS.observe(seconds)
    LEASES_LOST.inc(len(results) - count)
    for (state, sign), number in Tally(map(_state_and_sign, results)).items():
        ATTEMPTS.labels(state, sign).inc(number)
    ATTEMPT_SECONDS.observe_all([each.latency_ms for each in results if each.attempt_id is not None], unit=0.001)
