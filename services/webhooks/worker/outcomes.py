"""What the end of an attempt means, as the queue records it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.webhooks import retry
from services.webhooks.worker.due import Job, Result
from services.webhooks.worker.exchange import Exchange

NOT_SIGNED = "sedifex: the delivery could not be signed; this is for Sedifex to mend, not for the endpoint"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job."""

    result: Result
    gone_endpoint: str | None = None
    """The endpoint that said it is gone for good."""


def of_exchange(exchange: Exchange, *, attempt_id: str, jitter: float, now: datetime) -> Outcome:
    """The outcome of an exchange that ended at `now`; `jitter` is uniform in [0, 1)."""
    return _attempted(
        exchange.token,
        attempt_id=attempt_id,
        jitter=jitter,
        start_time=now.astimezone(UTC) - timedelta(milliseconds=exchange.latency_ms),
        retry_after=retry.parse_retry_after(exchange.retry_after, now),
        latency_ms=exchange.latency_ms,
        status=exchange.status,
        error=exchange.error or "",
        response_body=exchange.response_body,
    )


def of_failure(job: Job, error: str, *, attempt_id: str, jitter: float, now: datetime) -> Outcome:
    """The outcome of an attempt that failed on our own side: it counts, so that it cannot go on for ever unseen."""
    return _attempted(
        job,
        attempt_id=attempt_id,
        jitter=jitter,
        start_time=now,
        retry_after=None,
        latency_ms=0,
        status=None,
        error=error,
        response_body=b"",
    )


def of_unwanted(job: Job) -> Outcome:
    """The outcome of a job whose endpoint has been disabled or deleted since it was made: nothing was sent."""
    return Outcome(
        Result(
            delivery_id=job.delivery_id,
            lease_token=job.lease_token,
            state="cancelled",
            delay_seconds=None,
            attempt_id=None,
            attempt_number=job.attempt_number,
            start_time=None,
            latency_ms=0,
            status_code=0,
            error="",
            response_body=b"",
        )
    )


def _attempted(
    job: Job,
    *,
    attempt_id: str,
    jitter: float,
    start_time: datetime,
    retry_after: int | None,
    latency_ms: int,
    status: int | None,
    error: str,
    response_body: bytes,
) -> Outcome:
    decision = retry.decide(status=status, attempts=job.attempt_number, jitter=jitter, retry_after=retry_after)
    result = Result(
        delivery_id=job.delivery_id,
        lease_token=job.lease_token,
        state="pending" if decision.delay else decision.outcome.value,
        delay_seconds=decision.delay.total_seconds() if decision.delay else None,
        attempt_id=attempt_id,
        attempt_number=job.attempt_number,
        start_time=start_time,
        latency_ms=latency_ms,
        status_code=status or 0,
        error=error,
        response_body=response_body,
    )
    return Outcome(result, job.endpoint_id if decision.disable_endpoint else None)
