"""A flood of wrong credentials from one address is held up, and nobody else is."""

import pytest

from services.common.access.refusals import MAX_ADDRESSES, Refusals
from services.common.errors import Exhausted

HERE, THERE = "192.0.2.1", "192.0.2.2"


def _used_up(address: str = HERE) -> Refusals:
    refusals = Refusals(60)
    for _ in range(60):
        refusals.check(address, 100.0)
        refusals.note(address, 100.0)
    return refusals


def test_an_address_may_try_as_many_as_it_may_and_no_more() -> None:
    refusals = _used_up()
    with pytest.raises(Exhausted) as refused:
        refusals.check(HERE, 100.0)
    assert refused.value.retry_after == pytest.approx(1.0)
    refusals.check(THERE, 100.0)


def test_it_may_try_again_little_by_little() -> None:
    refusals = _used_up()
    refusals.check(HERE, 101.0)
    refusals.note(HERE, 101.0)
    with pytest.raises(Exhausted):
        refusals.check(HERE, 101.5)
    refusals.check(HERE, 102.0)


def test_time_alone_never_gives_more_than_a_minutes_worth() -> None:
    refusals = _used_up()
    for _ in range(60):
        refusals.note(HERE, 100_000.0)
    with pytest.raises(Exhausted):
        refusals.check(HERE, 100_000.0)


def test_one_host_has_one_share_however_many_ipv6_addresses_it_takes() -> None:
    refusals = _used_up("2001:db8:0:1::1")
    with pytest.raises(Exhausted):
        refusals.check("2001:db8:0:1:ffff::9", 100.0)
    refusals.check("2001:db8:0:2::1", 100.0)


def test_what_is_remembered_is_bounded() -> None:
    refusals = Refusals(60)
    for number in range(MAX_ADDRESSES + 50):
        refusals.note(f"10.{number // 65536}.{number // 256 % 256}.{number % 256}", 1.0)
    assert len(refusals._buckets) == MAX_ADDRESSES
