"""A key's state follows from its times, and from nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from sedifex.keys.v1 import keys_pb2

from services.keys import states
from services.keys.queries import Key, Secret

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
State = keys_pb2.Key
LASTING = Secret(b"new", "", NOW - DAY)


def _key(
    expire_time: datetime | None = None, revoke_time: datetime | None = None, *, old_ends: datetime | None = None
) -> Key:
    secrets = (LASTING,) if old_ends is None else (LASTING, Secret(b"old", "", NOW - 2 * DAY, old_ends))
    return Key(
        id="key_1",
        store_id="st_a",
        display_name="Website",
        scopes=("catalog.read",),
        stores=("st_a",),
        creator="",
        create_time=NOW - 2 * DAY,
        expire_time=expire_time,
        revoke_time=revoke_time,
        secrets=secrets,
    )


@pytest.mark.parametrize(
    ("key", "state", "accepted"),
    [
        (_key(), State.STATE_ACTIVE, True),
        (_key(NOW + 7 * DAY), State.STATE_ACTIVE, True),
        (_key(NOW + 7 * DAY - SECOND), State.STATE_EXPIRING_SOON, True),
        (_key(NOW + SECOND), State.STATE_EXPIRING_SOON, True),
        (_key(NOW), State.STATE_EXPIRED, False),
        (_key(NOW - SECOND), State.STATE_EXPIRED, False),
        (_key(None, NOW), State.STATE_REVOKED, False),
        (_key(NOW + 30 * DAY, NOW - DAY), State.STATE_REVOKED, False),
        (_key(NOW - DAY, NOW - 2 * DAY), State.STATE_REVOKED, False),
        (_key(old_ends=NOW + SECOND), State.STATE_ROTATING, True),
        (_key(old_ends=NOW), State.STATE_ACTIVE, True),
        (_key(NOW + DAY, old_ends=NOW + SECOND), State.STATE_ROTATING, True),
        (_key(NOW + DAY, old_ends=NOW - SECOND), State.STATE_EXPIRING_SOON, True),
        (_key(NOW, old_ends=NOW + SECOND), State.STATE_EXPIRED, False),
        (_key(None, NOW, old_ends=NOW + SECOND), State.STATE_REVOKED, False),
    ],
)
def test_state_and_acceptance_of_the_lasting_secret(key: Key, state: int, accepted: bool) -> None:
    assert states.state_of(key, NOW) == state
    assert states.is_accepted(key, LASTING, NOW) is accepted


@pytest.mark.parametrize(("ends", "accepted"), [(NOW + SECOND, True), (NOW, False), (NOW - SECOND, False)])
def test_an_old_secret_is_accepted_to_the_second_of_its_end(ends: datetime, accepted: bool) -> None:
    key = _key(old_ends=ends)
    assert states.is_accepted(key, key.secrets[1], NOW) is accepted
