"""When a delivery is tried again, as tables and as bounds that hold for every input."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.retry import MAX_ATTEMPTS, SCHEDULE, Decision, Outcome, decide, parse_retry_after

NOW = datetime(2026, 3, 6, 9, 30, tzinfo=UTC)
DAY = 24 * 60 * 60
FAILURES = st.none() | st.integers(300, 599).filter(lambda status: status != 410)
FRACTIONS = st.floats(0, 1, exclude_max=True)


def test_schedule_is_the_published_one() -> None:
    minutes = [delay.total_seconds() / 60 for delay in SCHEDULE]
    assert minutes == pytest.approx([5 / 60, 5, 30, 120, 300, 600, 840, 1200, 1440])


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226, 299])
def test_every_2xx_succeeds(status: int) -> None:
    assert decide(status=status, attempts=3, jitter=0.5) == Decision(Outcome.SUCCEEDED)


@pytest.mark.parametrize(
    "status", [None, 100, 199, 300, 301, 302, 304, 307, 400, 401, 404, 408, 429, 500, 503, 599, 999]
)
def test_everything_else_is_retried(status: int | None) -> None:
    assert decide(status=status, attempts=1, jitter=0.5) == Decision(Outcome.RETRY, delay=timedelta(seconds=5))


@pytest.mark.parametrize("attempts", [1, 5, MAX_ATTEMPTS])
def test_gone_is_dead_at_once_and_disables_the_endpoint(attempts: int) -> None:
    expected = Decision(Outcome.DEAD, disable_endpoint=True)
    assert decide(status=410, attempts=attempts, jitter=0.5, retry_after=5) == expected


@pytest.mark.parametrize(("attempts", "delay"), list(enumerate(SCHEDULE, start=1)))
def test_middle_jitter_gives_the_schedule_itself(attempts: int, delay: timedelta) -> None:
    assert decide(status=500, attempts=attempts, jitter=0.5).delay == delay


@pytest.mark.parametrize("attempts", [MAX_ATTEMPTS, MAX_ATTEMPTS + 1, 1000])
def test_after_the_last_attempt_a_failure_is_dead(attempts: int) -> None:
    assert decide(status=503, attempts=attempts, jitter=0.0, retry_after=60) == Decision(Outcome.DEAD)


def test_a_success_counts_however_late() -> None:
    assert decide(status=200, attempts=1000, jitter=0.0).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("attempts", "retry_after", "seconds"),
    [
        (1, None, 5),
        (1, 0, 5),
        (1, 3, 5),
        (1, 120, 120),
        (2, 120, 300),
        (9, 60, DAY),
        (1, DAY, DAY),
        (1, 10 * DAY, DAY),
        (1, -60, 5),
    ],
)
def test_the_later_of_schedule_and_retry_after_wins(attempts: int, retry_after: int | None, seconds: int) -> None:
    decision = decide(status=429, attempts=attempts, jitter=0.5, retry_after=retry_after)
    assert decision.delay == timedelta(seconds=seconds)


@given(status=FAILURES, attempts=st.integers(1, MAX_ATTEMPTS - 1), jitter=FRACTIONS)
def test_jitter_stays_within_a_fifth(status: int | None, attempts: int, jitter: float) -> None:
    delay = decide(status=status, attempts=attempts, jitter=jitter).delay
    assert delay is not None
    assert SCHEDULE[attempts - 1] * 0.8 <= delay <= SCHEDULE[attempts - 1] * 1.2


@given(attempts=st.integers(1, MAX_ATTEMPTS - 1), jitter=FRACTIONS, retry_after=st.integers(-(10**12), 10**12))
def test_retry_after_never_shortens_and_never_parks(attempts: int, jitter: float, retry_after: int) -> None:
    plain = decide(status=503, attempts=attempts, jitter=jitter).delay
    wished = decide(status=503, attempts=attempts, jitter=jitter, retry_after=retry_after).delay
    assert plain is not None
    assert wished is not None
    assert plain <= wished <= max(plain, timedelta(days=1))


@pytest.mark.parametrize("attempts", [0, -1])
def test_a_decision_without_an_attempt_is_a_mistake(attempts: int) -> None:
    with pytest.raises(ValueError, match="attempts"):
        decide(status=500, attempts=attempts, jitter=0.5)


@pytest.mark.parametrize("jitter", [-0.1, 1.0, float("nan")])
def test_jitter_outside_its_range_is_a_mistake(jitter: float) -> None:
    with pytest.raises(ValueError, match="jitter"):
        decide(status=500, attempts=1, jitter=jitter)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 120 ", 120),
        ("0120", 120),
        (str(DAY), DAY),
        ("99999999999999", DAY),
        ("Fri, 06 Mar 2026 09:31:00 GMT", 60),
        ("Friday, 06-Mar-26 09:31:00 GMT", 60),
        ("Fri Mar  6 09:31:00 2026", 60),
        ("Fri, 06 Mar 2026 10:31:00 +0100", 60),
        ("Fri, 06 Mar 2026 09:30:00 GMT", 0),
        ("Wed, 06 Mar 2030 09:31:00 GMT", DAY),
    ],
)
def test_both_forms_of_retry_after_are_read(value: str, seconds: int) -> None:
    assert parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        "-1",
        "+5",
        "1.5",
        "1e3",
        "0x10",
        "٣٤",
        "soon",
        "5, 5",
        "5 seconds",
        "Fri, 31 Dec 9999 23:59:59 -0100",
        "Fri, 31 Dec 9999 23:59:59 EST",
        "Sat, 01 Jan 0001 00:00:00 +0100",
        "9" * 5000,
        "2026-03-06T09:31:00Z",
        "Fri, 06 Mar 2026 09:29:59 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 99 Mar 2026 09:31:00 GMT",
        "Fri, 06 Mar 2026 99:31:00 GMT",
        "Fri, 06 Mar 99999999 09:31:00 GMT",
        "1 Jan 5",
        "09:31:00",
        "Fri, 06 Mar 2026 09:31:00 GMT" + " " * 100 + "x",
    ],
)
def test_garbage_and_the_past_are_ignored(value: str | None) -> None:
    assert parse_retry_after(value, NOW) is None


@given(st.text(max_size=80))
def test_no_header_can_break_the_parser(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= DAY


@given(st.integers(0, DAY))
def test_every_http_date_within_a_day_is_read_to_the_second(seconds: int) -> None:
    value = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert parse_retry_after(value, NOW) == seconds
