"""Where one begins: the way to the shop, or to the choice of one."""

from starlette.responses import Response

from gateway.admin.family import Family
from gateway.admin.visit import Visit

family = Family("beginning", "", in_store=False)


@family.get()
async def begin(visit: Visit) -> Response:
    """To the one shop there is, or to the choice."""
    open_stores = [each.store for each in visit.member.memberships if not each.suspended]
    return visit.go(visit.in_store(open_stores[0]) if len(open_stores) == 1 else "/admin/stores")
