"""How well deliveries go, and when an endpoint is warned of and disabled: all as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from services.webhooks import breaker, health
from services.webhooks.health import Action, Level, Standing

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def _standing(count: int, since: timedelta | None, last: timedelta | None = None) -> Standing:
    return Standing(
        failure_count=count,
        failing_since=NOW - since if since is not None else None,
        last_failure_time=NOW - last if last is not None else None,
        last_error="the endpoint answered 503",
    )


@pytest.mark.parametrize(
    ("standing", "level"),
    [
        (_standing(0, None), Level.ACTIVE),
        (_standing(0, None, last=2 * HOUR), Level.ACTIVE),
        (_standing(0, None, last=HOUR / 2), Level.DEGRADED),
        (_standing(1, timedelta(0), last=timedelta(0)), Level.DEGRADED),
        (_standing(breaker.TRIP_AFTER - 1, HOUR / 2, last=timedelta(0)), Level.DEGRADED),
        (_standing(breaker.TRIP_AFTER, timedelta(0), last=timedelta(0)), Level.FAILING),
        (_standing(2, HOUR, last=timedelta(0)), Level.FAILING),
    ],
)
def test_health_in_a_word(standing: Standing, level: Level) -> None:
    found = health.health(standing, NOW)
    assert found.level is level
    assert bool(found.reason) == (level is not Level.ACTIVE)


def test_who_is_failing_is_told_since_when_why_and_what_will_happen() -> None:
    found = health.health(_standing(30, 2 * DAY, last=HOUR), NOW)
    assert found.since == NOW - 2 * DAY
    assert found.disable_time == NOW + 3 * DAY
    for words in ("27 Feb 2026, 12:00 GMT", "30 tries", "the endpoint answered 503", "waits"):
        assert words in found.reason


@pytest.mark.parametrize(
    ("since", "last", "action"),
    [
        (None, None, Action.NONE),
        (None, HOUR, Action.NONE),
        (23 * HOUR, timedelta(0), Action.NONE),
        (24 * HOUR, timedelta(0), Action.WARN),
        (5 * DAY - HOUR, timedelta(0), Action.WARN),
        (5 * DAY, timedelta(0), Action.DISABLE),
        (30 * DAY, timedelta(0), Action.DISABLE),
        # Nothing was sent to it since: it is not the endpoint that is silent.
        (30 * DAY, 30 * DAY, Action.NONE),
        (30 * DAY, 28 * DAY, Action.WARN),
    ],
)
def test_what_is_done_about_an_endpoint(since: timedelta | None, last: timedelta | None, action: Action) -> None:
    verdict = health.judge(_standing(99, since, last))
    assert verdict.action is action
    assert bool(verdict.reason) == (action is not Action.NONE)


@pytest.mark.parametrize(("number", "seconds"), [(1, 30), (2, 60), (3, 120), (4, 300), (5, 600), (6, 600), (1000, 600)])
def test_pauses_grow_to_ten_minutes(number: int, seconds: int) -> None:
    assert breaker.pause_seconds(number) == seconds


def test_there_is_no_pause_before_the_first() -> None:
    with pytest.raises(ValueError, match="from 1"):
        breaker.pause_seconds(0)


@pytest.mark.parametrize(("slots", "one", "unproven"), [(512, 64, 256), (8, 1, 4), (1, 1, 1)])
def test_shares_of_a_worker(slots: int, one: int, unproven: int) -> None:
    assert (breaker.share_of_one(slots), breaker.share_of_unproven(slots)) == (one, unproven)
