"""A member's own account: what they are called, and their password."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.common.access import token as token_format
from services.common.errors import InvalidArgument, NotFound
from services.keys.digest import Digester
from services.keys.membership import limits, queries, sessions
from services.keys.membership.queries import Member, StoreRole

RESET_LASTS = timedelta(hours=1)


@dataclass(frozen=True)
class Profile:
    """A member and what belongs to them."""

    member: Member
    stores: tuple[StoreRole, ...]
    recovery_codes_left: int


def get_member(member_id: str) -> Member:
    """The member of this id.

    Raises:
        NotFound: there is none.
    """
    member = queries.find_member(member_id)
    if member is None:
        raise NotFound(f"There is no member members/{member_id}.", reason="MEMBER_NOT_FOUND")
    return member


def get_profile(member_id: str, digester: Digester) -> Profile:
    """The same, with their stores, and how many recovery codes are left that work with these peppers.

    Raises:
        NotFound: there is none.
    """
    left = queries.count_recovery_codes(member_id, digester.versions)
    return Profile(get_member(member_id), tuple(queries.list_stores_of(member_id)), left)


def rename(member_id: str, display_name: str | None, digester: Digester) -> Profile:
    """Calls a member something else; None: nothing else.

    Raises:
        InvalidArgument: that is no name.
    """
    if display_name is not None:
        queries.update_member(member_id, display_name=check_name(display_name, "member.display_name"))
    return get_profile(member_id, digester)


def change_password(member_id: str, password_hash: str, session_id: str) -> None:
    """Gives a member another password and ends all sessions but this one. The member must be locked."""
    queries.update_member(member_id, password_hash=password_hash)
    sessions.end_others(member_id, session_id)


def member_of_reset(token: str, digester: Digester, now: datetime) -> Member:
    """The member whose password this token may set.

    Raises:
        NotFound: it may set none, or none any more.
    """
    is_one = token_format.kind_of(token) is token_format.Kind.RESET  # or it is refused without a look-up
    member_id = queries.find_password_reset(digester.candidates(token), now) if is_one else None
    if member_id is None:
        raise _no_reset()
    return get_member(member_id)


def reset_password(member: Member, password_hash: str, token: str, digester: Digester, now: datetime) -> None:
    """Gives a member another password by a token, uses the token up, and ends all sessions.

    Raises:
        NotFound: the token has been used meanwhile.
    """
    queries.lock_member(member.id)
    if not queries.delete_password_reset(digester.candidates(token), now):
        raise _no_reset()
    queries.update_member(member.id, password_hash=password_hash)
    sessions.end_all(member.id)
    limits.forgive(limits.account_of(member.email, digester))


def check_name(text: str, field: str) -> str:
    """A name as it is kept.

    Raises:
        InvalidArgument: it is empty.
    """
    name = text.strip()
    if not name:
        raise InvalidArgument.field(field, "must not be empty")
    return name


def _no_reset() -> NotFound:
    return NotFound(
        "This link was used before, or is older than an hour. Ask for another one.", reason="RESET_NOT_FOUND"
    )
