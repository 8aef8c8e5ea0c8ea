"""The bucket of a caller: what it holds, how it fills, and that a table of them has a bound."""

import pytest

from gateway.rates import Rates


def test_a_minutes_worth_may_be_taken_at_once_and_then_one_at_a_time() -> None:
    rates = Rates(per_minute=60)
    assert [rates.take("a", 0.0).remaining for _ in range(60)] == list(range(59, -1, -1))
    refused = rates.take("a", 0.0)
    assert (refused.limit, refused.remaining, refused.reset, refused.retry_after) == (60, 0, 60, 1)
    assert rates.take("a", 0.9).retry_after == 1
    assert rates.take("a", 1.0).retry_after == 0
    assert rates.take("a", 1.0).retry_after == 1


def test_who_waits_as_long_as_told_is_served() -> None:
    rates = Rates(per_minute=7)
    now = 1000.0
    for _ in range(200):
        quota = rates.take("a", now)
        now += quota.retry_after
        if quota.retry_after:
            assert rates.take("a", now).retry_after == 0


def test_over_an_hour_no_more_are_taken_than_the_rate_allows() -> None:
    rates = Rates(per_minute=100)
    taken = sum(rates.take("a", second / 10).retry_after == 0 for second in range(36_000))
    assert taken == pytest.approx(100 + 60 * 100, abs=2)


def test_callers_have_buckets_of_their_own_that_fill_again() -> None:
    rates = Rates(per_minute=1)
    assert rates.take("a", 0.0).retry_after == 0
    assert rates.take("b", 0.0).retry_after == 0
    assert rates.take("a", 30.0).retry_after == 30
    assert rates.take("a", 60.0).retry_after == 0


def test_a_full_table_forgets_who_has_been_quiet_longest() -> None:
    rates = Rates(per_minute=1, max_callers=2)
    rates.take("quiet", 0.0)
    rates.take("busy", 0.0)
    rates.take("busy", 0.1)
    rates.take("new", 0.2)
    assert rates.take("busy", 0.3).retry_after
    assert rates.take("new", 0.4).retry_after
    assert rates.take("quiet", 0.5).retry_after == 0
