"""Nobody gives what they do not have: scopes, time, stores, addresses."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sedifex.access.v1 import access_pb2

from services.common.access.caller import Caller
from services.common.access.origin import parse_network
from services.common.errors import InvalidArgument, PermissionDenied
from services.keys import reach
from services.keys.queries import Key

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
A = access_pb2.Audience
STAFF, ADMIN = access_pb2.ROLE_STAFF, access_pb2.ROLE_ADMIN


def _key(*stores: str, cidrs: tuple[str, ...] = ()) -> Key:
    return Key(
        id="key_1",
        store_id="st_a",
        display_name="Website",
        scopes=("catalog.read",),
        stores=("st_a", *stores),
        creator="",
        create_time=NOW - 2 * DAY,
        expire_time=NOW + 2 * DAY,
        revoke_time=None,
        allowed_cidrs=cidrs,
    )


def _integration(
    *scopes: str, ends: datetime | None = None, stores: tuple[str, ...] = ("st_a",), cidrs: tuple[str, ...] = ()
) -> Caller:
    networks = tuple(map(parse_network, cidrs))
    return Caller("keys/k", A.AUDIENCE_INTEGRATION, frozenset(scopes), frozenset(stores), ends, networks=networks)


def _member(**roles: access_pb2.Role.ValueType) -> Caller:
    return Caller("members/m", A.AUDIENCE_MEMBER, stores=frozenset(roles), roles=roles)


@pytest.mark.parametrize(
    ("caller", "key"),
    [
        (_integration("catalog.read"), _key()),
        (_integration("catalog.read", "keys.write", ends=NOW + 2 * DAY), _key()),
        (_integration("catalog.read", stores=("st_a", "st_b")), _key("st_b")),
        (_integration("catalog.read", cidrs=("10.0.0.0/8",)), _key(cidrs=("10.1.0.0/16",))),
        (_integration("catalog.read", cidrs=("10.0.0.0/8", "2001:db8::/32")), _key(cidrs=("2001:db8::1/128",))),
        (Caller("operators/o", A.AUDIENCE_OPERATOR), _key("st_b")),
        (_member(st_a=ADMIN), _key()),
        (_member(st_a=ADMIN, st_b=access_pb2.ROLE_OWNER), _key("st_b")),
    ],
)
def test_whoever_can_do_as_much_may_manage_a_key(caller: Caller, key: Key) -> None:
    reach.check_gives_no_more_than_it_has(caller, key)


@pytest.mark.parametrize(
    ("caller", "key", "reason"),
    [
        (_integration("keys.write"), _key(), "SCOPE_MISSING"),
        (_integration(), _key(), "SCOPE_MISSING"),
        (_integration("catalog.read", ends=NOW + DAY), _key(), "EXPIRY_TOO_LATE"),
        (_integration("catalog.read"), _key("st_b"), "STORE_NOT_ALLOWED"),
        (_integration("catalog.read", cidrs=("10.0.0.0/8",)), _key(), "ADDRESSES_TOO_MANY"),
        (_integration("catalog.read", cidrs=("10.0.0.0/8",)), _key(cidrs=("0.0.0.0/0",)), "ADDRESSES_TOO_MANY"),
        (_integration("catalog.read", cidrs=("::/0",)), _key(cidrs=("10.0.0.1/32",)), "ADDRESSES_TOO_MANY"),
        (_member(st_a=ADMIN), _key("st_b"), "STORE_NOT_ALLOWED"),
        (_member(st_a=ADMIN, st_b=STAFF), _key("st_b"), "STORE_NOT_ALLOWED"),
        (_member(st_a=STAFF), _key(), "STORE_NOT_ALLOWED"),
    ],
)
def test_whoever_can_do_less_may_not(caller: Caller, key: Key, reason: str) -> None:
    with pytest.raises(PermissionDenied) as refused:
        reach.check_gives_no_more_than_it_has(caller, key)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (["203.0.113.0/24"], ("203.0.113.0/24",)),
        (["203.0.113.7"], ("203.0.113.7/32",)),
        (["2001:DB8::/32"], ("2001:db8::/32",)),
        (["::ffff:203.0.113.0/120"], ("203.0.113.0/24",)),
        (["203.0.113.7", "203.0.113.7/32"], ("203.0.113.7/32",)),
        (["0.0.0.0/0"], ("0.0.0.0/0",)),
        ([], ()),
    ],
)
def test_a_network_has_one_way_of_writing(written: list[str], kept: tuple[str, ...]) -> None:
    assert reach.canonical_networks(written, "allowed_cidrs") == kept


@pytest.mark.parametrize(
    "wrong", ["203.0.113.7/24", "203.0.113.0/33", "example.com", "", "203.0.113", "1.2.3.4-1.2.3.9", "010.0.0.1", "*"]
)
def test_what_is_no_network_is_refused_with_an_example(wrong: str) -> None:
    wanted: dict[str, Any] = {"texts": ["10.0.0.0/8", wrong], "field": "allowed_cidrs"}
    with pytest.raises(InvalidArgument, match=r"203\.0\.113\.0/24") as refused:
        reach.canonical_networks(**wanted)
    assert refused.value.violations[0].field == "allowed_cidrs[1]"


def test_the_store_that_a_key_is_made_in_is_always_among_its_stores() -> None:
    assert reach.stores_of("st_b", ["st_c", "st_a"]) == ("st_a", "st_b", "st_c")
    assert reach.stores_of("st_b", []) == ("st_b",)
