"""Who belongs to the shop, what each may do, and who is invited."""

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from sedifex.access.v1 import access_pb2
from sedifex.keys.v1 import members_pb2
from starlette.responses import Response

from gateway.admin.contract import role_word
from gateway.admin.failures import not_found
from gateway.admin.family import Family, Nav
from gateway.admin.forms import Problems, problems_of
from gateway.admin.visit import Visit
from gateway.admin.words import last_part

family = Family("members", "/members", Nav("Members", "people", "Team"))

ROLES = (
    (str(access_pb2.ROLE_STAFF), "Staff", "Sees products, keys and deliveries. Changes nothing."),
    (str(access_pb2.ROLE_ADMIN), "Admin", "Runs the shop: products, keys, webhooks."),
    (str(access_pb2.ROLE_OWNER), "Owner", "Everything, members included."),
)
State = members_pb2.Invitation.State
STATES = {
    State.STATE_PENDING: ("info", "Waiting"),
    State.STATE_ACCEPTED: ("success", "Accepted"),
    State.STATE_REVOKED: ("neutral", "Revoked"),
    State.STATE_EXPIRED: ("neutral", "Expired"),
}
PAGE_SIZE, INVITATIONS_SIZE, MAX_PAGES = 200, 50, 10


@family.get(needs="MembersService.ListMemberships")
async def list_members(visit: Visit) -> Response:
    """Everybody, in the order in which they joined, and to owners who is invited."""
    request = members_pb2.ListMembershipsRequest(parent=visit.store.name, page_token=visit.query("page"))
    found = await visit.services.members.ListMemberships(request)
    invitations = []
    if visit.may("MembersService.ListInvitations"):
        wanted = members_pb2.ListInvitationsRequest(parent=visit.store.name, page_size=INVITATIONS_SIZE)
        listed = (await visit.services.members.ListInvitations(wanted)).invitations
        invitations = [each for each in listed if each.state in {State.STATE_PENDING, State.STATE_EXPIRED}]
    return visit.show(
        "members/list.html",
        members=found.memberships,
        next_token=found.next_page_token,
        invitations=invitations,
        states=STATES,
    )


@family.get("/invite", needs="MembersService.CreateInvitation")
async def ask_whom_to_invite(visit: Visit) -> Response:
    """The form for an invitation."""
    return visit.show("members/invite.html", email="", role=str(access_pb2.ROLE_STAFF), roles=ROLES)


@family.post("/invite", needs="MembersService.CreateInvitation", fresh=True)
async def invite(visit: Visit) -> Response:
    """Makes an invitation and shows its link, this once."""
    email, role = visit.form["email"], _role(visit)
    invitation = members_pb2.Invitation(email=email, role=role)
    request = members_pb2.CreateInvitationRequest(parent=visit.store.name, invitation=invitation)
    try:
        made = await visit.services.members.CreateInvitation(request)
    except grpc.aio.AioRpcError as error:
        problems = problems_of(error)
        return visit.show("members/invite.html", 400, email=email, role=str(role), roles=ROLES, problems=problems)
    link = made.uri or f"{_here(visit)}/admin/invitation#{made.token}"
    return visit.show("members/invited.html", invitation=made.invitation, link=link)


@family.post("/invitations/{id}/revoke", needs="MembersService.RevokeInvitation")
async def revoke_invitation(visit: Visit) -> Response:
    """Ends an invitation."""
    request = members_pb2.RevokeInvitationRequest(name=visit.name("invitations"))
    invitation = (await visit.services.members.RevokeInvitation(request)).invitation
    return visit.go(visit.at("members"), f"The invitation of {invitation.email} is revoked.")


@family.get("/{id}", needs="MembersService.UpdateMembership")
async def show_member(visit: Visit) -> Response:
    """One member, whose role can be changed, and who can be removed."""
    return await _show(visit)


@family.post("/{id}/role", needs="MembersService.UpdateMembership", fresh=True)
async def change_role(visit: Visit) -> Response:
    """Changes what a member may do. Every service knows when the page comes back."""
    membership = members_pb2.Membership(name=visit.name("memberships"), role=_role(visit))
    mask = FieldMask(paths=["role"])
    request = members_pb2.UpdateMembershipRequest(membership=membership, update_mask=mask)
    try:
        changed = (await visit.services.members.UpdateMembership(request)).membership
    except grpc.aio.AioRpcError as error:
        return await _show(visit, problems_of(error))
    said = f"{changed.display_name or changed.email} is {role_word(changed.role).lower()} now."
    return visit.go(visit.at("members"), said)


@family.post("/{id}/remove", needs="MembersService.DeleteMembership", fresh=True)
async def remove_member(visit: Visit) -> Response:
    """Takes a member out of the shop."""
    request = members_pb2.DeleteMembershipRequest(name=visit.name("memberships"))
    try:
        await visit.services.members.DeleteMembership(request)
    except grpc.aio.AioRpcError as error:
        return await _show(visit, problems_of(error))
    return visit.go(visit.at("members"), "They no longer reach this shop, on any device.")


@family.post("/leave", needs="MembersService.LeaveStore", fresh=True)
async def leave(visit: Visit) -> Response:
    """Ends one's own membership."""
    try:
        await visit.services.members.LeaveStore(members_pb2.LeaveStoreRequest(name=visit.store.name))
    except grpc.aio.AioRpcError as error:
        return visit.go(visit.at("members"), problems_of(error).general, "danger")
    return visit.go("/admin/stores", f"You have left {visit.store.display_name}.")


async def _show(visit: Visit, problems: Problems | None = None) -> Response:
    member = await _find(visit)
    is_self = member.member == visit.member.name
    status = 400 if problems else 200
    return visit.show("members/member.html", status, member=member, is_self=is_self, roles=ROLES, problems=problems)


async def _find(visit: Visit) -> members_pb2.Membership:
    """The membership that the path speaks of, among all of the shop's."""
    name, token = visit.name("memberships"), ""
    for _ in range(MAX_PAGES):
        request = members_pb2.ListMembershipsRequest(parent=visit.store.name, page_size=PAGE_SIZE, page_token=token)
        page = await visit.services.members.ListMemberships(request)
        found = next((each for each in page.memberships if each.name == name), None)
        if found is not None:
            return found
        token = page.next_page_token
        if not token:
            break
    raise not_found(f"member {last_part(name)}")


def _role(visit: Visit) -> access_pb2.Role.ValueType:
    """The role that was chosen; the least if it is none."""
    known = {str(each): each for each in (access_pb2.ROLE_STAFF, access_pb2.ROLE_ADMIN, access_pb2.ROLE_OWNER)}
    return known.get(visit.form["role"], access_pb2.ROLE_STAFF)


def _here(visit: Visit) -> str:
    """Where this gateway is reached, as far as is known."""
    return visit.surroundings.public_url or str(visit.request.base_url).partition("/admin")[0].rstrip("/")
