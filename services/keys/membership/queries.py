"""All SQL about members. What it answers are frozen records; no peewee model leaves this file."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from peewee import JOIN
from psycopg2.extras import execute_values

from services.common.paging import Position
from services.keys.digest import Digest
from services.keys.models import (
    InvitationRow,
    MemberRow,
    MembershipRow,
    PasswordResetRow,
    RecoveryCodeRow,
    SessionRow,
    SuspensionRow,
    handle,
)
from services.keys.queries import Use

NO_KEY_LOCK: Any = "FOR NO KEY UPDATE"
"""Lets rows that point at the locked one come into being meanwhile."""


@dataclass(frozen=True)
class Member:
    """A member as they are kept."""

    id: str
    email: str
    display_name: str
    password_hash: str = field(repr=False)
    create_time: datetime
    totp_secret: bytes | None = field(default=None, repr=False)
    """Sealed."""
    totp_key_version: int | None = None
    totp_confirm_time: datetime | None = None
    totp_last_step: int = 0

    @property
    def uses_totp(self) -> bool:
        """Whether they are asked for one-time codes."""
        return self.totp_confirm_time is not None


@dataclass(frozen=True)
class Session:
    """A session as it is kept."""

    id: str
    member_id: str
    create_time: datetime
    authenticate_time: datetime
    last_use_time: datetime
    last_use_address: str
    last_use_agent: str


@dataclass(frozen=True)
class Membership:
    """What a member is in a store."""

    store_id: str
    member_id: str
    role: str
    create_time: datetime
    email: str
    display_name: str
    uses_totp: bool


@dataclass(frozen=True)
class StoreRole:
    """A store that a member belongs to."""

    store_id: str
    role: str
    is_suspended: bool


@dataclass(frozen=True)
class Invitation:
    """An invitation as it is kept."""

    id: str
    store_id: str
    email: str
    role: str
    creator: str
    create_time: datetime
    expire_time: datetime
    revoke_time: datetime | None = None
    accept_time: datetime | None = None
    member_id: str | None = None


@dataclass(frozen=True)
class FoundSession:
    """What a token was found to be, all of one moment: one statement."""

    epoch: int
    """Of the latest change that this takes into account."""
    session: Session | None = None
    """None: it is no session's."""
    digest: bytes = b""
    roles: Mapping[str, str] = field(default_factory=dict)
    """By the id of the store, those that are suspended too."""
    suspended: tuple[str, ...] = ()


def find_session_by_digest(digests: Sequence[Digest]) -> FoundSession:
    """The session that one of these digests is of, as of the epoch that comes with it."""
    columns = ", ".join(f"s.{each.name}" for each in fields(Session))
    statement = f"""
        SELECT e.epoch, s.digest, {columns}, ARRAY(
            SELECT ARRAY[m.store_id, m.role, (u.store_id IS NOT NULL)::text]
            FROM membership m LEFT JOIN store_suspension u USING (store_id) WHERE m.member_id = s.member_id)
        FROM revocation_epoch e LEFT JOIN member_session s ON s.digest = ANY (%s)
        LIMIT 1
    """  # noqa: S608 - names of our own fields
    cursor = handle.execute_sql(statement, ([each.value for each in digests],))
    epoch, digest, *values, stores = cursor.fetchone()
    if digest is None:
        return FoundSession(epoch)
    roles = {store_id: role for store_id, role, _ in stores}
    suspended = tuple(store_id for store_id, _, is_suspended in stores if is_suspended == "true")
    return FoundSession(epoch, Session(*values), bytes(digest), roles, suspended)


def insert_member(member: Member) -> bool:
    """Adds a member without one-time codes; False if there is one with this email."""
    inserted = MemberRow.insert(
        id=member.id,
        email=member.email,
        display_name=member.display_name,
        password_hash=member.password_hash,
        create_time=member.create_time,
    )
    return bool(inserted.on_conflict_ignore().returning(MemberRow.id).execute())


def find_member(member_id: str) -> Member | None:
    """The member of this id."""
    return _member(MemberRow.select().where(MemberRow.id == member_id))


def find_member_by_email(email: str) -> Member | None:
    """The member who signs in by this email, which must be normalised."""
    return _member(MemberRow.select().where(MemberRow.email == email))


def lock_member(member_id: str) -> Member | None:
    """The member of this id, locked until the transaction ends."""
    return _member(MemberRow.select().where(MemberRow.id == member_id).for_update(NO_KEY_LOCK))


def update_member(member_id: str, **values: Any) -> None:
    """Changes a member; `values` go by the names of `Member`'s fields."""
    MemberRow.update(**values).where(MemberRow.id == member_id).execute()


def set_recovery_codes(member_id: str, digests: Sequence[Digest]) -> None:
    """Replaces a member's recovery codes."""
    RecoveryCodeRow.delete().where(RecoveryCodeRow.member == member_id).execute()
    rows = [{"digest": each.value, "pepper_version": each.pepper_version, "member": member_id} for each in digests]
    if rows:
        RecoveryCodeRow.insert_many(rows).execute()


def delete_recovery_code(member_id: str, digests: Sequence[Digest]) -> bool:
    """Uses a recovery code up; False if the member has none with one of these digests."""
    mine = (RecoveryCodeRow.member == member_id) & RecoveryCodeRow.digest.in_([each.value for each in digests])
    return bool(RecoveryCodeRow.delete().where(mine).execute())


def count_recovery_codes(member_id: str, versions: Collection[int]) -> int:
    """How many recovery codes a member has left, under these versions of the peppers: others are nobody's."""
    mine = (RecoveryCodeRow.member == member_id) & RecoveryCodeRow.pepper_version.in_(list(versions))
    return int(RecoveryCodeRow.select().where(mine).count())


def insert_session(session: Session, digest: Digest) -> None:
    """Adds a session."""
    SessionRow.insert(
        id=session.id,
        member=session.member_id,
        digest=digest.value,
        pepper_version=digest.pepper_version,
        create_time=session.create_time,
        authenticate_time=session.authenticate_time,
        last_use_time=session.last_use_time,
        last_use_address=session.last_use_address,
        last_use_agent=session.last_use_agent,
    ).execute()


def list_sessions(member_id: str) -> list[Session]:
    """The member's sessions, those too that have run out, the one used last first."""
    query = SessionRow.select().where(SessionRow.member == member_id)
    return [_session(row) for row in query.order_by(SessionRow.last_use_time.desc(), SessionRow.id.desc())]


def find_session(member_id: str, session_id: str) -> Session | None:
    """The member's session of this id."""
    row = SessionRow.select().where(SessionRow.id == session_id, SessionRow.member == member_id).first()
    return _session(row) if row else None


def delete_sessions(member_id: str, session_ids: Sequence[str]) -> int:
    """Ends sessions of a member; answers how many there were."""
    mine = (SessionRow.member == member_id) & SessionRow.id.in_(list(session_ids))
    return int(SessionRow.delete().where(mine).execute())


def set_authenticate_time(session_id: str, now: datetime) -> None:
    """Notes that the member has proved for this session who they are."""
    SessionRow.update(authenticate_time=now).where(SessionRow.id == session_id).execute()


def note_session_uses(uses: Mapping[str, Use]) -> None:
    """Moves the last use of sessions on, by their ids; only ever forward."""
    statement = """
        UPDATE member_session s
        SET last_use_time = used.at, last_use_address = used.address, last_use_agent = used.agent
        FROM (VALUES %s) AS used (id, at, address, agent)
        WHERE s.id = used.id AND s.last_use_time < used.at
    """
    rows = [(name, use.time, use.address, use.agent) for name, use in uses.items()]
    with handle.cursor() as cursor:
        execute_values(cursor, statement, rows, page_size=len(rows))


def insert_membership(store_id: str, member_id: str, role: str, now: datetime) -> bool:
    """Makes somebody a member of a store; False if they are one."""
    inserted = MembershipRow.insert(store_id=store_id, member_id=member_id, role=role, create_time=now)
    return bool(inserted.on_conflict_ignore().returning(MembershipRow.member_id).execute())


def find_membership(store_id: str, member_id: str) -> Membership | None:
    """What a member is in a store."""
    found = _memberships((MembershipRow.store_id == store_id) & (MembershipRow.member_id == member_id), 1)
    return found[0] if found else None


def list_memberships(store_id: str, after: Position | None, limit: int) -> list[Membership]:
    """A store's members, in the order of their ids, from behind `after` ([id]) on: that in which they first joined."""
    wanted = MembershipRow.store_id == store_id
    if after is not None:
        wanted &= MembershipRow.member_id > after[0]
    return _memberships(wanted, limit)


def set_role(store_id: str, member_id: str, role: str) -> None:
    """Changes what a member is in a store."""
    MembershipRow.update(role=role).where(
        MembershipRow.store_id == store_id, MembershipRow.member_id == member_id
    ).execute()


def delete_membership(store_id: str, member_id: str) -> None:
    """Takes a member out of a store."""
    MembershipRow.delete().where(MembershipRow.store_id == store_id, MembershipRow.member_id == member_id).execute()


def list_stores_of(member_id: str) -> list[StoreRole]:
    """The stores that a member belongs to."""
    query: Any = (
        MembershipRow.select(MembershipRow.store_id, MembershipRow.role, SuspensionRow.store_id.alias("suspended"))
        .join(SuspensionRow, JOIN.LEFT_OUTER, on=SuspensionRow.store_id == MembershipRow.store_id)
        .where(MembershipRow.member_id == member_id)
        .order_by(MembershipRow.store_id)
    )
    return [StoreRole(store_id, role, suspended is not None) for store_id, role, suspended in query.tuples()]


def insert_invitation(invitation: Invitation, digest: Digest) -> None:
    """Adds an invitation. No other one for the same email in the store may be open."""
    InvitationRow.insert(
        id=invitation.id,
        store_id=invitation.store_id,
        email=invitation.email,
        role=invitation.role,
        digest=digest.value,
        pepper_version=digest.pepper_version,
        creator=invitation.creator,
        create_time=invitation.create_time,
        expire_time=invitation.expire_time,
    ).execute()


def find_invitation_by_digest(digests: Sequence[Digest]) -> Invitation | None:
    """The invitation whose token one of these digests is of, whatever has become of it."""
    return _invitation(InvitationRow.select().where(InvitationRow.digest.in_([each.value for each in digests])))


def lock_invitation(store_id: str, invitation_id: str) -> Invitation | None:
    """The store's invitation of this id, locked until the transaction ends."""
    mine = (InvitationRow.id == invitation_id) & (InvitationRow.store_id == store_id)
    return _invitation(InvitationRow.select().where(mine).for_update(NO_KEY_LOCK))


def list_invitations(store_id: str, after: Position | None, limit: int) -> list[Invitation]:
    """A store's invitations, newest first, from behind `after` ([id]) on."""
    query = InvitationRow.select().where(InvitationRow.store_id == store_id)
    if after is not None:
        query = query.where(InvitationRow.id < after[0])
    return _invitations(query.order_by(InvitationRow.id.desc()).limit(limit))


def list_open_invitations(store_id: str) -> list[Invitation]:
    """A store's invitations that were neither accepted nor revoked, those too that are too old."""
    mine = (InvitationRow.store_id == store_id) & InvitationRow.revoke_time.is_null()
    return _invitations(InvitationRow.select().where(mine, InvitationRow.accept_time.is_null()))


def update_invitation(invitation: Invitation) -> None:
    """Writes what has become of an invitation."""
    InvitationRow.update(
        revoke_time=invitation.revoke_time, accept_time=invitation.accept_time, member=invitation.member_id
    ).where(InvitationRow.id == invitation.id).execute()


def replace_password_reset(member_id: str, digest: Digest, expire_time: datetime) -> None:
    """Lets a member's password be set by a token, and by no earlier one."""
    PasswordResetRow.delete().where(PasswordResetRow.member == member_id).execute()
    PasswordResetRow.insert(
        digest=digest.value, pepper_version=digest.pepper_version, member=member_id, expire_time=expire_time
    ).execute()


def find_password_reset(digests: Sequence[Digest], now: datetime) -> str | None:
    """The id of the member whose password may be set by this token at `now`."""
    of_token = PasswordResetRow.digest.in_([each.value for each in digests])
    row = PasswordResetRow.select().where(of_token, PasswordResetRow.expire_time > now).first()
    return row.member_id if row else None


def delete_password_reset(digests: Sequence[Digest], now: datetime) -> bool:
    """Uses such a token up; False if it is not, or no longer, good for anything."""
    of_token = PasswordResetRow.digest.in_([each.value for each in digests])
    return bool(PasswordResetRow.delete().where(of_token, PasswordResetRow.expire_time > now).execute())


def _memberships(wanted: Any, limit: int) -> list[Membership]:
    query: Any = (
        MembershipRow.select(
            MembershipRow,
            MemberRow.email,
            MemberRow.display_name,
            MemberRow.totp_confirm_time.is_null(False).alias("uses_totp"),
        )
        .join(MemberRow, on=MemberRow.id == MembershipRow.member_id)
        .where(wanted)
        .order_by(MembershipRow.member_id)
        .limit(limit)
    )
    return [Membership(**row) for row in query.dicts()]


def _member(query: Any) -> Member | None:
    row = query.dicts().first()
    if row is None:
        return None
    return Member(**row | {"totp_secret": row["totp_secret"] and bytes(row["totp_secret"])})


def _session(row: Any) -> Session:
    return Session(**{each.name: getattr(row, each.name) for each in fields(Session)})


def _invitation(query: Any) -> Invitation | None:
    found = _invitations(query)
    return found[0] if found else None


def _invitations(query: Any) -> list[Invitation]:
    return [Invitation(**{each.name: getattr(row, each.name) for each in fields(Invitation)}) for row in query]
