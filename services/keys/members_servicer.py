"""MembersService of the contract: reads requests, calls the domain, writes answers."""

from sedifex.keys.v1 import members_pb2

from services.common import telemetry
from services.common.access import token as token_format
from services.common.access.caller import current_caller
from services.common.access.origin import current_origin
from services.common.ids import ids_of, new_id
from services.common.paging import PageRequest
from services.common.server import Context
from services.common.times import now
from services.keys.account_servicer import AccountServicer, Means, caller_id, new_session
from services.keys.audit import Act
from services.keys.members_convert import (
    invitation_message,
    member_message,
    membership_message,
    session_message,
    wanted_role,
    welcome_message,
)
from services.keys.membership import accounts, emails, invitations, links, memberships
from services.keys.membership.invitations import NewInvitation
from services.keys.membership.joining import Acceptance, Joining
from services.keys.membership.roles import NAMES


class MembersServicer(AccountServicer):
    """See proto/sedifex/keys/v1/members.proto for what each method promises."""

    def __init__(self, means: Means) -> None:
        super().__init__(means)
        self._joining = Joining(means.database, means.hashing, means.digester, self._proving)

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
        await self._database.write(memberships.leave_store, ids_of(request.name)[0], caller_id(), _act())
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
        wanted = new_session()
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
        profile = await self._database.read(accounts.get_profile, session.member_id, self._digester)
        return members_pb2.AcceptInvitationResponse(
            member=member_message(profile), session=session_message(session, session.id), token=wanted.token
        )


def _act() -> Act:
    return Act(current_caller(), now(), telemetry.request_id(), lambda: new_id("aud"), current_origin().address)
