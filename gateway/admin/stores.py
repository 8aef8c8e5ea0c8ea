"""The member's shops, to choose one from."""

from sedifex.catalog.v1 import catalog_pb2
from starlette.responses import Response

from gateway.admin.family import Family
from gateway.admin.visit import Visit

family = Family("stores", "/stores", in_store=False)
PAGE_SIZE = 50


@family.get()
async def list_stores(visit: Visit) -> Response:
    """The shops that the member belongs to, with their role in each."""
    request = catalog_pb2.ListStoresRequest(page_size=PAGE_SIZE, page_token=visit.query("page"))
    found = await visit.services.catalog.ListStores(request)
    suspended = [each.store for each in visit.member.memberships if each.suspended]
    return visit.show("stores/list.html", stores=found.stores, next_token=found.next_page_token, suspended=suspended)
