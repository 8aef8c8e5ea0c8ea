"""A shop's first page: what needs attention, how deliveries and requests go, and the way in for a new shop."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from sedifex.catalog.v1 import catalog_pb2, imports_pb2
from sedifex.keys.v1 import keys_pb2
from sedifex.webhooks.v1 import webhooks_pb2
from starlette.responses import Response

from gateway.admin.attention import MAX_SHOWN, matters
from gateway.admin.family import Family, Nav
from gateway.admin.sites import Site, find_sites
from gateway.admin.visit import Visit
from gateway.admin.webhooks.chart import DeliveryChart

family = Family("overview", "", Nav("Overview", "home", "Shop", on_bar=True))

LISTED = 200
"""Keys and endpoints that are looked at; more than a shop has."""
IMPORTS = 5
ENDED = {keys_pb2.Key.STATE_EXPIRED, keys_pb2.Key.STATE_REVOKED}


@dataclass(frozen=True)
class Shop:
    """What the page is about."""

    has_products: bool
    keys: Sequence[keys_pb2.Key]
    endpoints: Sequence[webhooks_pb2.WebhookEndpoint]
    imports: Sequence[imports_pb2.Import]
    deliveries: Sequence[webhooks_pb2.DeliveryCount]
    requests: Sequence[keys_pb2.KeyUseCount]

    @property
    def sites(self) -> list[Site]:
        """The WordPress sites."""
        return find_sites(self.keys, self.endpoints)

    @property
    def live_keys(self) -> list[keys_pb2.Key]:
        """Those that are accepted."""
        return [each for each in self.keys if each.state not in ENDED]


@family.get(needs="CatalogService.GetStore")
async def show_overview(visit: Visit) -> Response:
    """How the shop does."""
    shop = await _look(visit)
    found = matters(shop.keys, shop.endpoints, shop.imports, shop.sites, visit.now)
    return visit.show(
        "overview/overview.html",
        shop=shop,
        matters=found[:MAX_SHOWN],
        more=len(found[MAX_SHOWN:]),
        is_new=not shop.has_products or not shop.live_keys,
        chart=DeliveryChart.of(shop.deliveries),
        request_labels=[f"{each.start_time.ToDatetime(UTC):%H:%M}" for each in shop.requests],
        request_series={"Requests": [each.use_count for each in shop.requests]},
    )


async def _look(visit: Visit) -> Shop:
    """Asks for all of it at once. Imports are shown to those who may import."""
    services, store = visit.services, visit.store.name
    products, keys, endpoints, counts, uses, jobs = await asyncio.gather(
        services.catalog.ListProducts(catalog_pb2.ListProductsRequest(parent=store, page_size=1)),
        services.keys.ListKeys(keys_pb2.ListKeysRequest(parent=store, page_size=LISTED)),
        services.webhooks.ListWebhookEndpoints(
            webhooks_pb2.ListWebhookEndpointsRequest(parent=store, page_size=LISTED)
        ),
        services.webhooks.CountDeliveries(webhooks_pb2.CountDeliveriesRequest(parent=store)),
        services.keys.CountKeyUses(keys_pb2.CountKeyUsesRequest(parent=store)),
        _list_imports(visit),
    )
    return Shop(bool(products.products), keys.keys, endpoints.webhook_endpoints, jobs, counts.hours, uses.hours)


async def _list_imports(visit: Visit) -> Sequence[imports_pb2.Import]:
    if not visit.may("ImportsService.ListImports"):
        return ()
    request = imports_pb2.ListImportsRequest(parent=visit.store.name, page_size=IMPORTS)
    return (await visit.services.imports.ListImports(request)).imports
