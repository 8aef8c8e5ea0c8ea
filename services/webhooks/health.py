"""How well deliveries to an endpoint go, and when nobody should go on trying.

Pure decisions: what the endpoint's row tells goes in, with the time; words for the owner come out.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum

from services.common.times import in_words
from services.webhooks.breaker import TRIP_AFTER

WARN_AFTER = timedelta(hours=24)
DISABLE_AFTER = timedelta(days=5)
FAILING_AFTER = timedelta(hours=1)
REMEMBER_FAILURE = timedelta(hours=1)
"""How long one failure among successes shows."""


class Level(StrEnum):
    """How well deliveries go, in a word."""

    ACTIVE = "active"
    DEGRADED = "degraded"
    FAILING = "failing"


class Action(Enum):
    """What is to be done about an endpoint."""

    NONE = "none"
    WARN = "warn"
    DISABLE = "disable"


@dataclass(frozen=True)
class Standing:
    """What is known of an endpoint's deliveries. The times are the database's."""

    failure_count: int = 0
    """In a row, since the last success."""
    failing_since: datetime | None = None
    last_success_time: datetime | None = None
    last_failure_time: datetime | None = None
    last_error: str = ""
    paused_until: datetime | None = None


@dataclass(frozen=True)
class Health:
    """What the owner is told."""

    level: Level
    reason: str = ""
    since: datetime | None = None
    disable_time: datetime | None = None
    """When the endpoint will be disabled if nothing succeeds until then."""


@dataclass(frozen=True)
class Verdict:
    """What is to be done, and how that is explained to the owner."""

    action: Action
    reason: str = ""


def health(standing: Standing, now: datetime) -> Health:
    """How well deliveries go."""
    since = standing.failing_since
    if since is None:
        failed = standing.last_failure_time
        if failed is None or now - failed > REMEMBER_FAILURE:
            return Health(Level.ACTIVE)
        return Health(
            Level.DEGRADED, f"Some deliveries failed and were tried again. Last: {standing.last_error}", failed
        )
    if standing.failure_count < TRIP_AFTER and now - since < FAILING_AFTER:
        reason = f"The last {_tries(standing.failure_count)} failed. Last: {standing.last_error}"
        return Health(Level.DEGRADED, reason, since, since + DISABLE_AFTER)
    reason = (
        f"Nothing has succeeded since {in_words(since)}; the last {_tries(standing.failure_count)} failed. "
        f"Last: {standing.last_error}. Mend the endpoint: what is due to it waits, and is sent when it answers 2xx."
    )
    return Health(Level.FAILING, reason, since, since + DISABLE_AFTER)


def judge(standing: Standing) -> Verdict:
    """Whether to warn of an endpoint, or to disable it.

    What counts is for how long it was tried in vain, from the first failure to the last one: an endpoint that is sent
    nothing for a week is none that has failed for a week.
    """
    since, last = standing.failing_since, standing.last_failure_time
    if since is None or last is None or last - since < WARN_AFTER:
        return Verdict(Action.NONE)
    if last - since < DISABLE_AFTER:
        return Verdict(
            Action.WARN,
            f"Nothing has succeeded since {in_words(since)}. Last: {standing.last_error}. "
            f"If nothing does, the endpoint is disabled on {in_words(since + DISABLE_AFTER)}.",
        )
    return Verdict(
        Action.DISABLE,
        f"Every delivery failed for {DISABLE_AFTER.days} days, since {in_words(since)}. Last: {standing.last_error}. "
        "Mend the endpoint and enable it again.",
    )


def _tries(count: int) -> str:
    return "try" if count == 1 else f"{count} tries"
