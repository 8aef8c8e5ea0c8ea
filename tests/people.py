"""What tests ask about members, beside what tests of everything ask."""

from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import members_pb2

from tests.system import Client


async def get_store(client: Client, store: str) -> catalog_pb2.GetStoreResponse:
    """The store, as Catalog tells it."""
    found: catalog_pb2.GetStoreResponse = await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store))
    return found


async def invite(
    client: Client, store: str, email: str, role: access_pb2.Role.ValueType
) -> members_pb2.CreateInvitationResponse:
    """Invites somebody."""
    invitation = members_pb2.Invitation(email=email, role=role)
    request = members_pb2.CreateInvitationRequest(parent=store, invitation=invitation)
    made: members_pb2.CreateInvitationResponse = await client.members.CreateInvitation(request)
    return made


async def set_role(client: Client, name: str, role: access_pb2.Role.ValueType) -> members_pb2.Membership:
    """Changes what a member may do."""
    wanted = members_pb2.Membership(name=name, role=role)
    changed: members_pb2.UpdateMembershipResponse = await client.members.UpdateMembership(
        members_pb2.UpdateMembershipRequest(membership=wanted)
    )
    return changed.membership


async def list_members(client: Client, store: str, page_size: int = 0) -> list[members_pb2.Membership]:
    """All members of a store, by pages."""
    listed: list[members_pb2.Membership] = []
    token = ""
    while True:
        request = members_pb2.ListMembershipsRequest(parent=store, page_size=page_size, page_token=token)
        page = await client.members.ListMemberships(request)
        listed += page.memberships
        token = page.next_page_token
        if not token:
            return listed


async def list_invitations(client: Client, store: str, page_size: int = 0) -> list[members_pb2.Invitation]:
    """All invitations of a store, by pages."""
    listed: list[members_pb2.Invitation] = []
    token = ""
    while True:
        request = members_pb2.ListInvitationsRequest(parent=store, page_size=page_size, page_token=token)
        page = await client.members.ListInvitations(request)
        listed += page.invitations
        token = page.next_page_token
        if not token:
            return listed
