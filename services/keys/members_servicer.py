"""MembersService of the contract: reads requests, calls the domain, writes answers."""

import secrets
from dataclasses import dataclass

from sedifex.keys.v1 import members_pb2, members_pb2_grpc

from services.common import telemetry
from services.common.access import token as token_format
from services.common.access.caller import current_caller
from services.common.access.origin import current_origin
from services.common.database import Database
from services.common.errors import PermissionDenied
from services.common.ids import ids_of, new_id
from services.common.paging import PageRequest
from services.common.server import Context
from services.common.stores import StoreDirectory
from services.common.times import now
from services.common.vault import Vault
from services.keys.audit import Act
from services.keys.barrier import Barrier
from services.keys.digest import Digester
from services.keys.members_convert import (
    invitation_message,
    member_message,
    membership_message,
    session_message,
    wanted_name,
    wanted_role,
    welcome_message,
)
from services.keys.membership import (
    accounts,
    emails,
    invitations,
    links,
    memberships,
    passwords,
    second_factor,
    sessions,
    totp,
)
from services.keys.membership.hashing import Hashing
from services.keys.membership.invitations import NewInvitation
from services.keys.membership.joining import Acceptance, Joining
from services.keys.membership.proving import Claim, Proving
from services.keys.membership.roles import NAMES
from services.keys.membership.sessions import NewSession


@dataclass(frozen=True)
class Means:
    """What the service works with."""

    database: Database
    digester: Digester
    vault: Vault
    hashing: Hashing
    barrier: Barrier
    stores: StoreDirectory
    public_url: str


class MembersServicer(members_pb2_grpc.MembersServiceServicer):
    """See proto/sedifex/keys/v1/members.proto for what each method promises."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._database, self._barrier = means.database, means.barrier
        self._digester, self._vault, self._hashing = means.digester, means.vault, means.hashing
        self._proving = Proving(means.database, means.hashing, means.digester, means.vault)
        self._joining = Joining(means.database, means.hashing, means.digester, self._proving)

    async def SignIn(self, request: members_pb2.SignInRequest, _context: Context) -> members_pb2.SignInResponse:
        """Signs a member in."""
        moment, wanted = now(), _new_session()
        claim = Claim(emails.normalise(request.email), request.password, current_origin().address, request.code)
        session = await self._proving.prove(
            claim, moment, lambda member: sessions.begin(member.id, wanted, self._digester, moment)
        )
        profile = await self._database.read(accounts.get_profile, session.member_id)
        return members_pb2.SignInResponse(
            member=member_message(profile), session=session_message(session, session.id), token=wanted.token
        )

    async def SignOut(self, _request: members_pb2.SignOutRequest, _context: Context) -> members_pb2.SignOutResponse:
        """Ends the session of this call."""
        await self._database.write(sessions.end_session, _caller_id(), _session_id())
        await self._barrier.confirm()
        return members_pb2.SignOutResponse()

    async def Reauthenticate(
        self, request: members_pb2.ReauthenticateRequest, _context: Context
    ) -> members_pb2.ReauthenticateResponse:
        """Notes on the session that the member has proved again who they are."""
        moment, session_id = now(), _session_id()
        claim = await self._claim(request.name, request.password, request.code)
        session = await self._proving.prove(
            claim, moment, lambda member: sessions.authenticate(member.id, session_id, moment)
        )
        return members_pb2.ReauthenticateResponse(session=session_message(session, session_id))

    async def ListSessions(
        self, request: members_pb2.ListSessionsRequest, _context: Context
    ) -> members_pb2.ListSessionsResponse:
        """Lists the caller's sessions."""
        listed = await self._database.read(sessions.list_sessions, _itself(request.parent), now())
        return members_pb2.ListSessionsResponse(sessions=[session_message(each, _session_id()) for each in listed])

    async def EndSession(
        self, request: members_pb2.EndSessionRequest, _context: Context
    ) -> members_pb2.EndSessionResponse:
        """Ends one of the caller's sessions."""
        await self._database.write(sessions.end_session, _itself(request.name), ids_of(request.name)[1])
        await self._barrier.confirm()
        return members_pb2.EndSessionResponse()

    async def EndOtherSessions(
        self, request: members_pb2.EndOtherSessionsRequest, _context: Context
    ) -> members_pb2.EndOtherSessionsResponse:
        """Ends the caller's sessions but this one."""
        ended = await self._database.write(sessions.end_others, _itself(request.parent), _session_id())
        await self._barrier.confirm()
        return members_pb2.EndOtherSessionsResponse(ended=ended)

    async def GetMember(
        self, request: members_pb2.GetMemberRequest, _context: Context
    ) -> members_pb2.GetMemberResponse:
        """Gets the caller."""
        profile = await self._database.read(accounts.get_profile, _itself(request.name))
        return members_pb2.GetMemberResponse(member=member_message(profile))

    async def UpdateMember(
        self, request: members_pb2.UpdateMemberRequest, _context: Context
    ) -> members_pb2.UpdateMemberResponse:
        """Changes the caller."""
        member_id = _itself(request.member.name)
        name = wanted_name(request.member, request.update_mask)
        profile = await self._database.write(accounts.rename, member_id, name)
        return members_pb2.UpdateMemberResponse(member=member_message(profile))

    async def ChangePassword(
        self, request: members_pb2.ChangePasswordRequest, _context: Context
    ) -> members_pb2.ChangePasswordResponse:
        """Sets the caller's password."""
        claim, session_id = await self._claim(request.name, request.password), _session_id()
        chosen = await self._hashing.hash(passwords.check_new(request.new_password, claim.email, "new_password"))
        await self._proving.prove(claim, now(), lambda member: accounts.change_password(member.id, chosen, session_id))
        await self._barrier.confirm()
        return members_pb2.ChangePasswordResponse()

    async def ResetPassword(
        self, request: members_pb2.ResetPasswordRequest, _context: Context
    ) -> members_pb2.ResetPasswordResponse:
        """Sets a member's password by the token of a reset link."""
        moment = now()
        member = await self._database.read(accounts.member_of_reset, request.token, self._digester, moment)
        chosen = await self._hashing.hash(passwords.check_new(request.new_password, member.email, "new_password"))
        await self._database.write(accounts.reset_password, member, chosen, request.token, self._digester, moment)
        await self._barrier.confirm()
        return members_pb2.ResetPasswordResponse()

    async def StartTotp(
        self, request: members_pb2.StartTotpRequest, _context: Context
    ) -> members_pb2.StartTotpResponse:
        """Makes the secret for one-time codes."""
        claim, secret = await self._claim(request.name, request.password), totp.new_secret()
        uri = await self._proving.prove(claim, now(), lambda member: second_factor.start(member, secret, self._vault))
        return members_pb2.StartTotpResponse(secret=secret, uri=uri)

    async def ConfirmTotp(
        self, request: members_pb2.ConfirmTotpRequest, _context: Context
    ) -> members_pb2.ConfirmTotpResponse:
        """Turns one-time codes on."""
        member_id, codes = _itself(request.name), totp.new_recovery_codes(secrets.choice)
        await self._database.write(
            second_factor.confirm,
            member_id,
            request.code,
            recovery_codes=codes,
            vault=self._vault,
            digester=self._digester,
            now=now(),
        )
        profile = await self._database.read(accounts.get_profile, member_id)
        return members_pb2.ConfirmTotpResponse(member=member_message(profile), recovery_codes=codes)

    async def DisableTotp(
        self, request: members_pb2.DisableTotpRequest, _context: Context
    ) -> members_pb2.DisableTotpResponse:
        """Turns one-time codes off."""
        claim = await self._claim(request.name, request.password, request.code)
        await self._proving.prove(claim, now(), lambda member: second_factor.disable(member.id))
        profile = await self._database.read(accounts.get_profile, _caller_id())
        return members_pb2.DisableTotpResponse(member=member_message(profile))

    async def ListMemberships(
        self, request: members_pb2.ListMembershipsRequest, _context: Context
    ) -> members_pb2.ListMembershipsResponse:
        """Lists who belongs to a store."""
        wanted = PageRequest.parse(request.page_size, request.page_token, "memberships", request.parent)
        page = await self._database.read(memberships.list_memberships, ids_of(request.parent)[0], wanted)
        return members_pb2.ListMembershipsResponse(
            memberships=map(membership_message, page.rows), next_page_token=page.next_page_token
        )

    async def UpdateMembership(
        self, request: members_pb2.UpdateMembershipRequest, _context: Context
    ) -> members_pb2.UpdateMembershipResponse:
        """Changes what a member may do in a store."""
        store_id, member_id = ids_of(request.membership.name)
        role = wanted_role(request.membership, request.update_mask)
        membership = await self._database.write(memberships.change_role, store_id, member_id, role, _act())
        await self._barrier.confirm()
        return members_pb2.UpdateMembershipResponse(membership=membership_message(membership))

    async def DeleteMembership(
        self, request: members_pb2.DeleteMembershipRequest, _context: Context
    ) -> members_pb2.DeleteMembershipResponse:
        """Removes a member from a store."""
        store_id, member_id = ids_of(request.name)
        await self._database.write(memberships.remove_member, store_id, member_id, _act())
        await self._barrier.confirm()
        return members_pb2.DeleteMembershipResponse()

    async def LeaveStore(
        self, request: members_pb2.LeaveStoreRequest, _context: Context
    ) -> members_pb2.LeaveStoreResponse:
        """Ends the caller's membership of a store."""
        await self._database.write(memberships.leave_store, ids_of(request.name)[0], _caller_id(), _act())
        await self._barrier.confirm()
        return members_pb2.LeaveStoreResponse()

    async def CreateInvitation(
        self, request: members_pb2.CreateInvitationRequest, _context: Context
    ) -> members_pb2.CreateInvitationResponse:
        """Invites somebody to a store."""
        (store_id,) = ids_of(request.parent)
        await self._means.stores.get(store_id)
        wanted = NewInvitation(
            id=new_id("inv"),
            store_id=store_id,
            email=emails.normalise(request.invitation.email, "invitation.email"),
            role=NAMES[request.invitation.role],
            token=token_format.mint(token_format.Kind.INVITATION),
        )
        act = _act()
        made = await self._database.write(invitations.create_invitation, wanted, self._digester, act)
        return members_pb2.CreateInvitationResponse(
            invitation=invitation_message(made, act.now),
            token=wanted.token,
            uri=links.invitation_link(self._means.public_url, wanted.token),
        )

    async def ListInvitations(
        self, request: members_pb2.ListInvitationsRequest, _context: Context
    ) -> members_pb2.ListInvitationsResponse:
        """Lists the invitations of a store."""
        wanted = PageRequest.parse(request.page_size, request.page_token, "invitations", request.parent)
        page = await self._database.read(invitations.list_invitations, ids_of(request.parent)[0], wanted)
        moment = now()
        return members_pb2.ListInvitationsResponse(
            invitations=[invitation_message(each, moment) for each in page.rows],
            next_page_token=page.next_page_token,
        )

    async def RevokeInvitation(
        self, request: members_pb2.RevokeInvitationRequest, _context: Context
    ) -> members_pb2.RevokeInvitationResponse:
        """Revokes an invitation."""
        store_id, invitation_id = ids_of(request.name)
        act = _act()
        revoked = await self._database.write(invitations.revoke_invitation, store_id, invitation_id, act)
        return members_pb2.RevokeInvitationResponse(invitation=invitation_message(revoked, act.now))

    async def LookUpInvitation(
        self, request: members_pb2.LookUpInvitationRequest, _context: Context
    ) -> members_pb2.LookUpInvitationResponse:
        """Tells what a token invites to."""
        welcome = await self._database.read(invitations.look_up_invitation, request.token, self._digester, now())
        store = await self._means.stores.get(welcome.invitation.store_id)
        return welcome_message(welcome, store.display_name)

    async def AcceptInvitation(
        self, request: members_pb2.AcceptInvitationRequest, _context: Context
    ) -> members_pb2.AcceptInvitationResponse:
        """Joins a store and signs in."""
        wanted = _new_session()
        accepted = Acceptance(
            token=request.token,
            display_name=request.display_name,
            password=request.password,
            code=request.code,
            new_member_id=new_id("mem"),
            session=wanted,
        )
        session = await self._joining.accept_invitation(accepted, _act())
        await self._barrier.confirm()
        profile = await self._database.read(accounts.get_profile, session.member_id)
        return members_pb2.AcceptInvitationResponse(
            member=member_message(profile), session=session_message(session, session.id), token=wanted.token
        )

    async def _claim(self, name: str, password: str, code: str | None = None) -> Claim:
        """The claim of a caller, who is signed in, to be who they say."""
        member = await self._database.read(accounts.get_member, _itself(name))
        return Claim(member.email, password, current_origin().address, code, refusal=PermissionDenied)


def _itself(name: str) -> str:
    """The id of the caller, if the name is theirs: "members/me…" or "members/{their id}…".

    Raises:
        PermissionDenied: it is somebody else's.
    """
    if ids_of(name)[0] not in {"me", _caller_id()}:
        raise PermissionDenied("This is another member's. Use members/me.", reason="MEMBER_NOT_ALLOWED")
    return _caller_id()


def _caller_id() -> str:
    return ids_of(current_caller().principal)[0]


def _session_id() -> str:
    return current_caller().credential_id


def _new_session() -> NewSession:
    return NewSession(new_id("ses"), token_format.mint(token_format.Kind.SESSION), current_origin())


def _act() -> Act:
    return Act(current_caller(), now(), telemetry.request_id(), lambda: new_id("aud"), current_origin().address)
