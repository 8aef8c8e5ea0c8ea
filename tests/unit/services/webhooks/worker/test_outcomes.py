"""What the end of an attempt means: for the delivery, and for what is thought of its endpoint."""

import time
import uuid
from datetime import UTC, datetime

import pytest

from services.webhooks.worker import outcomes
from services.webhooks.worker.completion import Sign
from services.webhooks.worker.due import Job, Receiver, Room
from services.webhooks.worker.exchange import ErrorKind, Exchange, parse_headers
from services.webhooks.worker.flights import Flights
from services.webhooks.worker.outcomes import Moment

NOW = Moment(time.monotonic(), datetime(2026, 3, 1, tzinfo=UTC))


def _job(endpoint: str = "whe_1", *, attempt: int = 1, event_type: str = "product.created", proven: bool = True) -> Job:
    return Job(
        f"dlv_{uuid.uuid4().hex}",
        uuid.uuid4().hex,
        attempt,
        Receiver(endpoint, True, proven, "http://x/", ()),
        "evt_1",
        event_type,
        b"{}",
    )


def _exchange(job: Job, status: int | None, kind: ErrorKind | None = None, **values: object) -> Exchange:
    given: dict[str, object] = {"response_headers": {}, "response_body": b"", "retry_after": None}
    error = f"{kind.value}: words" if kind else None
    return Exchange(job, status, kind, error, 1500, **(given | {"remote_address": "192.0.2.1"} | values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "kind", "sign"),
    [
        (200, None, Sign.SUCCESS),
        (204, None, Sign.SUCCESS),
        (301, None, Sign.FAILURE),
        (400, None, Sign.FAILURE),
        (404, None, Sign.FAILURE),
        (429, None, Sign.CONGESTION),
        (500, None, Sign.CONGESTION),
        (503, None, Sign.CONGESTION),
        (None, ErrorKind.TIMEOUT, Sign.CONGESTION),
        (None, ErrorKind.CONNECT, Sign.CONGESTION),
        (None, ErrorKind.CLOSED, Sign.CONGESTION),
        (None, ErrorKind.TLS, Sign.FAILURE),
        (None, ErrorKind.REFUSED, Sign.FAILURE),
    ],
)
def test_what_an_answer_says_of_its_endpoint(status: int | None, kind: ErrorKind | None, sign: Sign) -> None:
    assert outcomes.sign(_exchange(_job(), status, kind)) is sign


@pytest.mark.parametrize(
    ("job", "status", "state"),
    [
        (_job(), 204, "succeeded"),
        (_job(), 500, "pending"),
        (_job(attempt=10), 500, "dead"),
        (_job(), 410, "dead"),
        (_job(event_type="test.ping"), 500, "dead"),
        (_job(event_type="test.ping"), 204, "succeeded"),
    ],
)
def test_what_becomes_of_a_delivery(job: Job, status: int, state: str) -> None:
    outcome = outcomes.of_exchange(_exchange(job, status), attempt_id="att_1", jitter=0.5, now=NOW)
    assert outcome.result.state == state
    assert (outcome.result.delay_seconds is not None) == (state == "pending")
    assert outcome.result.begin == NOW.monotonic - 1.5
    assert outcome.gone_endpoint == ("whe_1" if status == 410 else None)


@pytest.mark.parametrize(("status", "problem"), [(204, ""), (503, "the endpoint answered 503"), (None, "tls: words")])
def test_a_failure_is_told_in_plain_words(status: int | None, problem: str) -> None:
    exchange = _exchange(_job(), status, None if status else ErrorKind.TLS)
    assert outcomes.of_exchange(exchange, attempt_id="att_1", jitter=0.5, now=NOW).result.problem == problem


def test_a_failure_of_our_own_says_nothing_of_the_endpoint() -> None:
    result = outcomes.of_failure(_job(), outcomes.NOT_SIGNED, attempt_id="att_1", jitter=0.5, now=NOW).result
    assert (result.sign, result.state, result.problem) == (Sign.NONE, "pending", outcomes.NOT_SIGNED)


def test_headers_hold_nothing_that_cannot_be_kept() -> None:
    assert parse_headers([b"HTTP/1.1 200 OK\r\n", b"Server: a\0b\r\n"]) == {"server": "ab"}


def test_slots_of_what_is_slow_or_unproven_are_counted() -> None:
    flights = Flights(16)
    slow, quick, unproven = _job("slow"), _job("quick"), _job("new", proven=False)
    flights.begin_all([slow], 100.0)
    flights.begin_all([quick, unproven], 101.5)
    room, busy = flights.look(10, 101.6)
    assert (room.total, room.each, room.unproven) == (10, 2, 8 - 2)
    assert {(each.endpoint_id, each.in_flight, each.is_slow) for each in busy} == {
        ("slow", 1, True),
        ("quick", 1, False),
        ("new", 1, False),
    }
    flights.end_all([slow, quick, unproven])
    assert (len(flights), flights.look(10, 102.0)) == (0, (Room(10, 2, 8), []))
