"""A key's state follows from its times, and from nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from sedifex.keys.v1 import keys_pb2

from services.keys import lifecycle
from services.keys.queries import Key

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
State = keys_pb2.Key


def _key(expire_time: datetime | None = None, revoke_time: datetime | None = None) -> Key:
    return Key("key_1", "st_a", "Website", ("catalog.read",), ("st_a",), "", "", NOW - DAY, expire_time, revoke_time)


@pytest.mark.parametrize(
    ("expire_time", "revoke_time", "state", "accepted"),
    [
        (None, None, State.STATE_ACTIVE, True),
        (NOW + 7 * DAY, None, State.STATE_ACTIVE, True),
        (NOW + 7 * DAY - SECOND, None, State.STATE_EXPIRING_SOON, True),
        (NOW + SECOND, None, State.STATE_EXPIRING_SOON, True),
        (NOW, None, State.STATE_EXPIRED, False),
        (NOW - SECOND, None, State.STATE_EXPIRED, False),
        (None, NOW, State.STATE_REVOKED, False),
        (NOW + 30 * DAY, NOW - DAY, State.STATE_REVOKED, False),
        (NOW - DAY, NOW - 2 * DAY, State.STATE_REVOKED, False),
    ],
)
def test_state_and_acceptance(
    expire_time: datetime | None, revoke_time: datetime | None, state: int, accepted: bool
) -> None:
    key = _key(expire_time, revoke_time)
    assert lifecycle.state_of(key, NOW) == state
    assert lifecycle.is_accepted(key, NOW) is accepted
