"""When sessions and invitations end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sedifex.keys.v1 import members_pb2

from services.keys.membership import invitations, sessions
from services.keys.membership.queries import Invitation, Session

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
State = members_pb2.Invitation.State


def _session(*, made: timedelta, used: timedelta) -> Session:
    return Session("ses_1", "mem_1", NOW - made, NOW - made, NOW - used, "", "")


@pytest.mark.parametrize(
    ("session", "ended"),
    [
        (_session(made=HOUR, used=HOUR), False),
        (_session(made=13 * HOUR, used=12 * HOUR - SECOND), False),
        (_session(made=13 * HOUR, used=12 * HOUR), True),
        (_session(made=14 * DAY - SECOND, used=SECOND), False),
        (_session(made=14 * DAY, used=SECOND), True),
    ],
)
def test_a_session_ends_when_it_is_not_used_and_after_two_weeks_anyhow(session: Session, ended: bool) -> None:
    assert sessions.has_ended(session, NOW) == ended


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, State.STATE_PENDING),
        ({"expire_time": NOW}, State.STATE_EXPIRED),
        ({"revoke_time": NOW}, State.STATE_REVOKED),
        ({"accept_time": NOW}, State.STATE_ACCEPTED),
        ({"accept_time": NOW - DAY, "expire_time": NOW - HOUR}, State.STATE_ACCEPTED),
    ],
)
def test_where_an_invitation_is_in_its_life(
    change: dict[str, Any], state: members_pb2.Invitation.State.ValueType
) -> None:
    invitation = Invitation("inv_1", "st_a", "ama@shop.example", "owner", "operators/o", NOW - DAY, NOW + DAY)
    assert invitations.state_of(replace(invitation, **change), NOW) == state
