"""Who belongs to the shop."""

from sedifex.keys.v1 import members_pb2
from starlette.responses import Response

from gateway.admin.family import Family, Nav
from gateway.admin.visit import Visit

family = Family("members", "/members", Nav("Members", "people", "Team"))


@family.get(needs="MembersService.ListMemberships")
async def list_members(visit: Visit) -> Response:
    """Everybody, in the order in which they joined."""
    request = members_pb2.ListMembershipsRequest(parent=visit.store.name, page_token=visit.query("page"))
    found = await visit.services.members.ListMemberships(request)
    return visit.show("members/list.html", members=found.memberships, next_token=found.next_page_token)
