"""Joining a store by an invitation: with a new account, or with the one that there is."""

from dataclasses import dataclass, field, replace

from sedifex.access.v1 import access_pb2

from services.common.access.caller import Caller
from services.common.database import Database
from services.common.errors import AlreadyExists, Conflict
from services.keys import audit, leases
from services.keys.audit import Act, Deed
from services.keys.digest import Digester
from services.keys.membership import accounts, invitations, memberships, passwords, queries, sessions
from services.keys.membership.hashing import Hashing
from services.keys.membership.proving import Claim, Proving
from services.keys.membership.queries import Invitation, Member, Session
from services.keys.membership.sessions import NewSession


@dataclass(frozen=True)
class Acceptance:
    """Somebody accepts an invitation."""

    token: str = field(repr=False)
    display_name: str
    """Of somebody new."""
    password: str = field(repr=False)
    code: str = field(repr=False)
    new_member_id: str
    session: NewSession


class Joining:
    """Lets people in."""

    def __init__(self, database: Database, hashing: Hashing, digester: Digester, proving: Proving) -> None:
        self._database = database
        self._hashing = hashing
        self._digester = digester
        self._proving = proving

    async def accept_invitation(self, accepted: Acceptance, act: Act) -> Session:
        """Joins the store, makes an account if there is none, and begins a session.

        Raises:
            NotFound: the invitation cannot be accepted, or not any more.
            InvalidArgument: somebody new gives no name, or a password that will not do.
            Unauthenticated, Exhausted, Unavailable: see `Proving.prove`; only if there is an account.
            AlreadyExists: the member belongs to the store already.
            Conflict: an account with this email has come into being meanwhile.
        """
        welcome = await self._database.read(invitations.look_up_invitation, accepted.token, self._digester, act.now)
        invitation = welcome.invitation
        if welcome.has_account:
            claim = Claim(invitation.email, accepted.password, act.address, accepted.code)
            return await self._proving.prove(
                claim, act.now, lambda member: self._join(invitation, member, accepted.session, act)
            )
        name = accounts.check_name(accepted.display_name, "display_name")
        password = passwords.check_new(accepted.password, invitation.email, "password")
        member = Member(
            id=accepted.new_member_id,
            email=invitation.email,
            display_name=name,
            password_hash=await self._hashing.hash(password),
            create_time=act.now,
        )
        return await self._database.write(self._join_anew, invitation, member, accepted.session, act)

    def _join_anew(self, invitation: Invitation, member: Member, session: NewSession, act: Act) -> Session:
        audit.hold([invitation.store_id])  # before the account: two invitations of one email must not cross
        if not queries.insert_member(member):
            raise Conflict(
                "An account with this email has just been made. Try again with its password.", reason="ACCOUNT_EXISTS"
            )
        return self._join(invitation, member, session, act)

    def _join(self, invitation: Invitation, member: Member, session: NewSession, act: Act) -> Session:
        store_id = invitation.store_id
        audit.hold([store_id])
        invitations.use_up(invitation, member.id, act.now)
        if not queries.insert_membership(store_id, member.id, invitation.role, act.now):
            raise AlreadyExists("You belong to this shop already. Sign in.", reason="ALREADY_MEMBER")
        membership = memberships.get_membership(store_id, member.id)
        resource = f"stores/{store_id}/memberships/{member.id}"
        itself = replace(act, caller=Caller(f"members/{member.id}", access_pb2.AUDIENCE_MEMBER))
        audit.record(itself, store_id, Deed("member.joined", resource, None, memberships.view(membership)))
        leases.invalidate([f"members/{member.id}"])
        return sessions.begin(member.id, session, self._digester, act.now)
