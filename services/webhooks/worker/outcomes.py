"""What the end of an attempt means, as the queue records it."""

from datetime import datetime
from typing import NamedTuple

from services.webhooks import retry, signing
from services.webhooks.retry import Decision
from services.webhooks.worker.completion import Result, Sign
from services.webhooks.worker.due import Job
from services.webhooks.worker.exchange import ErrorKind, Exchange

NOT_SIGNED = "sedifex: the delivery could not be signed; this is for Sedifex to mend, not for the endpoint"
TRIED_ONCE = "test.ping"
"""The type of test events: somebody waits for the answer, and asks again if it does not please."""

_TOO_MANY_REQUESTS = 429
_CONGESTED = frozenset({ErrorKind.TIMEOUT, ErrorKind.CONNECT, ErrorKind.CLOSED})


class Moment(NamedTuple):
    """When an attempt ended."""

    monotonic: float
    """By time.monotonic."""
    wall: datetime


class Outcome(NamedTuple):
    """What became of a job."""

    result: Result
    gone_endpoint: str | None = None
    """The endpoint that said it is gone for good."""


def of_exchange(exchange: Exchange, *, attempt_id: str, jitter: float, now: Moment) -> Outcome:
    """The outcome of an exchange that ended at `now`; `jitter` is uniform in [0, 1)."""
    job: Job = exchange.token
    wish = retry.parse_retry_after(exchange.retry_after, now.wall)
    decision = _decide(job, exchange.status, jitter, wish)
    result = Result(
        delivery_id=job.delivery_id,
        lease_token=job.lease_token,
        state=_state(decision),
        delay_seconds=_delay(decision),
        attempt_id=attempt_id,
        attempt_number=job.attempt_number,
        begin=now.monotonic - exchange.latency_ms / 1000,
        latency_ms=exchange.latency_ms,
        status_code=exchange.status or 0,
        error=exchange.error or "",
        problem=_problem(exchange),
        response_headers=exchange.response_headers,
        response_body=exchange.response_body,
        remote_address=exchange.remote_address or "",
        signed=signing.compact(exchange.request_headers),
        sign=sign(exchange),
    )
    return Outcome(result, job.receiver.id if decision.disable_endpoint else None)


def of_failure(job: Job, error: str, *, attempt_id: str, jitter: float, now: Moment) -> Outcome:
    """The outcome of an attempt that failed on our own side: it counts, so that it cannot go on for ever unseen."""
    decision = _decide(job, None, jitter, None)
    return Outcome(_unsent(job, decision, error, attempt_id, now))


def of_unwanted(job: Job, now: Moment) -> Outcome:
    """The outcome of a job whose endpoint has been deleted since it was made: nothing was sent."""
    return Outcome(_unsent(job, None, "", None, now))


def without_details(outcome: Outcome) -> Outcome:
    """The outcome without what the endpoint has said, which may hold something that cannot be kept."""
    plain = outcome.result._replace(response_headers={}, response_body=b"", error="", problem="", remote_address="")
    return outcome._replace(result=plain)


def sign(exchange: Exchange) -> Sign:
    """What an exchange says of its endpoint."""
    status = exchange.status
    if status is None:
        return Sign.CONGESTION if exchange.error_kind in _CONGESTED else Sign.FAILURE
    if 200 <= status < 300:
        return Sign.SUCCESS
    return Sign.CONGESTION if status >= 500 or status == _TOO_MANY_REQUESTS else Sign.FAILURE


def _unsent(job: Job, decision: Decision | None, error: str, attempt_id: str | None, now: Moment) -> Result:
    return Result(
        delivery_id=job.delivery_id,
        lease_token=job.lease_token,
        state=_state(decision) if decision else "cancelled",
        delay_seconds=_delay(decision) if decision else None,
        attempt_id=attempt_id,
        attempt_number=job.attempt_number,
        begin=now.monotonic,
        latency_ms=0,
        status_code=0,
        error=error,
        problem=error,
        response_headers={},
        response_body=b"",
        remote_address="",
        signed="",
        sign=Sign.NONE,
    )


def _decide(job: Job, status: int | None, jitter: float, retry_after: int | None) -> Decision:
    once = job.event_type == TRIED_ONCE
    return retry.decide(status=status, attempts=job.attempt_number, jitter=jitter, retry_after=retry_after, once=once)


def _state(decision: Decision) -> str:
    return "pending" if decision.delay else decision.outcome.value


def _delay(decision: Decision) -> float | None:
    return decision.delay.total_seconds() if decision.delay else None


def _problem(exchange: Exchange) -> str:
    if exchange.error:
        return exchange.error
    status = exchange.status or 0
    return "" if 200 <= status < 300 else f"the endpoint answered {status}"
