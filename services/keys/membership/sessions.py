"""Sessions: how they begin, last and end.

A session is a row in the database and a token in the member's browser. Ending it removes the row, and is known to all
services when the call that ended it returns.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.common.access.origin import Origin
from services.common.access.verdicts import not_accepted
from services.keys import leases
from services.keys.digest import Digester
from services.keys.membership import queries
from services.keys.membership.queries import Session

IDLE_END = timedelta(hours=12)
"""A session that was not used for so long has ended: a working day with its breaks, not the night after."""
ABSOLUTE_END = timedelta(days=14)
"""A session ends so long after the sign-in however much it is used."""
LOOK_AGAIN = timedelta(seconds=60)
"""How long a verdict on a session holds at most: its idle end moves on with its use, which its watchers cannot know."""
MAX_SESSIONS = 20
"""Of a member, that have not ended."""


@dataclass(frozen=True)
class NewSession:
    """A session that is to begin."""

    id: str
    token: str = field(repr=False)
    origin: Origin


def end_time(session: Session) -> datetime:
    """When the session ends if it is not used any more."""
    return min(session.last_use_time + IDLE_END, session.create_time + ABSOLUTE_END)


def has_ended(session: Session, now: datetime) -> bool:
    """Whether it is over at `now`."""
    return end_time(session) <= now


def begin(member_id: str, wanted: NewSession, digester: Digester, now: datetime) -> Session:
    """Begins a session; of too many it ends those unused for longest. The member must be locked."""
    kept = [each for each in queries.list_sessions(member_id) if not has_ended(each, now)][: MAX_SESSIONS - 1]
    _end_all_but(member_id, (each.id for each in kept))
    origin = wanted.origin
    session = Session(wanted.id, member_id, now, now, now, origin.address, origin.agent)
    queries.insert_session(session, digester.new(wanted.token))
    leases.announce_token()
    return session


def list_sessions(member_id: str, now: datetime) -> list[Session]:
    """The member's sessions that have not ended at `now`, the one used last first."""
    return [each for each in queries.list_sessions(member_id) if not has_ended(each, now)]


def end_session(member_id: str, session_id: str) -> None:
    """Ends a session of the member; one that has ended stays so."""
    if queries.delete_sessions(member_id, [session_id]):
        leases.invalidate([f"members/{member_id}"])


def end_others(member_id: str, session_id: str) -> int:
    """Ends all sessions of the member but this one; answers how many."""
    return _end_all_but(member_id, [session_id])


def end_all(member_id: str) -> int:
    """Ends all sessions of the member; answers how many."""
    return _end_all_but(member_id, [])


def authenticate(member_id: str, session_id: str, now: datetime) -> Session:
    """Notes that the member has proved again, in this session, who they are.

    Raises:
        Unauthenticated: the session has ended.
    """
    session = queries.find_session(member_id, session_id)
    if session is None:  # ended while this call was under way
        raise not_accepted()
    queries.set_authenticate_time(session_id, now)
    return replace(session, authenticate_time=now)


def _end_all_but(member_id: str, kept: Iterable[str]) -> int:
    others = {each.id for each in queries.list_sessions(member_id)} - set(kept)
    ended = queries.delete_sessions(member_id, sorted(others)) if others else 0
    if ended:
        leases.invalidate([f"members/{member_id}"])
    return ended
