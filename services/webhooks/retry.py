"""What follows an attempt: done, again after a while, or the dead letter.

A pure decision. What came back goes in, with the number of attempts, a random fraction and the endpoint's own wish;
nothing here reads a clock or sleeps.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum

# After attempt n comes SCHEDULE[n - 1]: ten attempts over about three days (75.6 h), past a weekend's outage.
SCHEDULE = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
MAX_ATTEMPTS = len(SCHEDULE) + 1
JITTER = 0.2  # each way, so that an outage's deliveries do not all come back in the same second
MAX_RETRY_AFTER_SECONDS = 24 * 60 * 60

_DELTA_SECONDS = re.compile(r"[0-9]{1,20}", re.ASCII)
_LONGEST_HTTP_DATE = 64
_GONE = 410


class Outcome(Enum):
    """What an attempt means for its delivery."""

    SUCCEEDED = "succeeded"
    RETRY = "retry"
    DEAD = "dead"


@dataclass(frozen=True)
class Decision:
    """``delay`` is set for RETRY only. ``disable_endpoint``: the endpoint said that it is gone for good."""

    outcome: Outcome
    delay: timedelta | None = None
    disable_endpoint: bool = False


_SUCCEEDED = Decision(Outcome.SUCCEEDED)


def decide(
    *, status: int | None, attempts: int, jitter: float, retry_after: int | None = None, once: bool = False
) -> Decision:
    """Judge the attempt that has just ended.

    ``status`` is the HTTP status, or None where no complete answer came (a transport error). ``attempts`` counts this
    attempt too, so it is 1 after the first; past the schedule, as after a manual retry, a failure is DEAD again.
    ``jitter`` is uniform in [0, 1). ``retry_after`` is the endpoint's wish in seconds (see parse_retry_after).
    ``once``: it is not tried again by itself, as a test event is not.

    2xx succeeds. All else is retried, redirects with it: they are not followed, since the address was checked and
    agreed for this URL alone. 410 Gone is dead at once (as Standard Webhooks advises) and disables the endpoint.
    """
    if attempts < 1:
        raise ValueError("attempts counts the attempt that has just ended, so it is at least 1")
    if not 0 <= jitter < 1:
        raise ValueError("jitter is a fraction in [0, 1)")
    if status is not None and 200 <= status < 300:
        return _SUCCEEDED
    if status == _GONE:
        return Decision(Outcome.DEAD, disable_endpoint=True)
    if once or attempts >= MAX_ATTEMPTS:
        return Decision(Outcome.DEAD)
    return Decision(Outcome.RETRY, delay=_delay(attempts, jitter, retry_after))


def parse_retry_after(value: str | None, now: datetime) -> int | None:
    """Read a Retry-After header (RFC 9110 §10.2.3: delta-seconds or an HTTP-date) as whole seconds from ``now``.

    None for no header, for garbage and for a time that has passed. At most 24 hours: an endpoint may ask for rest, but
    it must not be able to park a delivery for a year.
    """
    if not value:
        return None
    text = value.strip(" \t")
    if _DELTA_SECONDS.fullmatch(text):
        return min(int(text), MAX_RETRY_AFTER_SECONDS)
    moment = _find_http_date(text)
    if moment is None or moment < now:
        return None
    return min(int((moment - now).total_seconds()), MAX_RETRY_AFTER_SECONDS)


def _delay(attempts: int, jitter: float, retry_after: int | None) -> timedelta:
    scheduled = SCHEDULE[attempts - 1] * (1 - JITTER + 2 * JITTER * jitter)
    wished = timedelta(seconds=min(max(retry_after or 0, 0), MAX_RETRY_AFTER_SECONDS))
    return max(scheduled, wished)


def _find_http_date(text: str) -> datetime | None:
    # The standard parser is lenient ("1 Jan 5" is a date to it), so only text with a clock time in it is shown to it.
    if len(text) > _LONGEST_HTTP_DATE or not re.search(r"\d\d:\d\d:\d\d", text, re.ASCII):
        return None
    try:
        moment = parsedate_to_datetime(text)
        # asctime's form names no zone; RFC 9110 says that it is UTC as well. A zone can push a date past year 9999.
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
