"""WebhooksService of the contract: reads requests, calls the domain, writes answers."""

import os
from collections.abc import Callable

from sedifex.webhooks.v1 import webhooks_pb2, webhooks_pb2_grpc

from services.common.access.caller import current_caller
from services.common.database import Database
from services.common.errors import InvalidArgument
from services.common.ids import ids_of, new_id
from services.common.paging import PageRequest
from services.common.server import Context
from services.common.stores import StoreDirectory
from services.common.times import now
from services.common.vault import Vault
from services.webhooks import deliveries, endpoints, publishing, signing
from services.webhooks.convert import (
    delivery_message,
    delivery_record_message,
    delivery_state,
    endpoint_message,
    news,
)


class WebhooksServicer(webhooks_pb2_grpc.WebhooksServiceServicer):
    """See proto/sedifex/webhooks/v1/webhooks.proto for what each method promises."""

    def __init__(
        self, database: Database, vault: Vault, stores: StoreDirectory, check_url: Callable[[str], str]
    ) -> None:
        self._database = database
        self._vault = vault
        self._stores = stores
        self._check_url = check_url

    async def CreateWebhookEndpoint(
        self, request: webhooks_pb2.CreateWebhookEndpointRequest, _context: Context
    ) -> webhooks_pb2.CreateWebhookEndpointResponse:
        """Registers an endpoint and reveals its secret, this once."""
        (store_id,) = ids_of(request.parent)
        url = self._check_url(request.url)
        store = await self._stores.get(store_id)
        secret = signing.new_secret(os.urandom(signing.SECRET_BYTES))
        endpoint = await self._database.write(
            endpoints.create_endpoint,
            endpoint_id=new_id("whe"),
            store_id=store.id,
            url=url,
            display_name=request.display_name,
            event_types=request.event_types,
            secret=secret,
            request_id=request.request_id or None,
            vault=self._vault,
            caller=current_caller(),
            now=now(),
        )
        return webhooks_pb2.CreateWebhookEndpointResponse(webhook_endpoint=endpoint_message(endpoint), secret=secret)

    async def GetWebhookEndpoint(
        self, request: webhooks_pb2.GetWebhookEndpointRequest, _context: Context
    ) -> webhooks_pb2.GetWebhookEndpointResponse:
        """Gets an endpoint."""
        store_id, endpoint_id = ids_of(request.name)
        endpoint = await self._database.read(endpoints.get_endpoint, store_id, endpoint_id)
        return webhooks_pb2.GetWebhookEndpointResponse(webhook_endpoint=endpoint_message(endpoint))

    async def ListWebhookEndpoints(
        self, request: webhooks_pb2.ListWebhookEndpointsRequest, _context: Context
    ) -> webhooks_pb2.ListWebhookEndpointsResponse:
        """Lists the endpoints of a store."""
        (store_id,) = ids_of(request.parent)
        wanted = PageRequest.parse(request.page_size, request.page_token, request.parent)
        page = await self._database.read(endpoints.list_endpoints, store_id, wanted)
        return webhooks_pb2.ListWebhookEndpointsResponse(
            webhook_endpoints=map(endpoint_message, page.rows), next_page_token=page.next_page_token
        )

    async def DeleteWebhookEndpoint(
        self, request: webhooks_pb2.DeleteWebhookEndpointRequest, _context: Context
    ) -> webhooks_pb2.DeleteWebhookEndpointResponse:
        """Deletes an endpoint."""
        store_id, endpoint_id = ids_of(request.name)
        await self._database.write(endpoints.delete_endpoint, store_id, endpoint_id, now())
        return webhooks_pb2.DeleteWebhookEndpointResponse()

    async def ListDeliveries(
        self, request: webhooks_pb2.ListDeliveriesRequest, _context: Context
    ) -> webhooks_pb2.ListDeliveriesResponse:
        """Lists the deliveries of a store."""
        (store_id,) = ids_of(request.parent)
        if request.endpoint and ids_of(request.endpoint)[0] != store_id:
            raise InvalidArgument.field("endpoint", f"must be an endpoint of {request.parent}")
        endpoint_id = ids_of(request.endpoint)[1] if request.endpoint else None
        scope = (request.parent, request.endpoint, request.state)
        wanted = PageRequest.parse(request.page_size, request.page_token, *scope)
        state = delivery_state(request.state)
        page = await self._database.read(deliveries.list_deliveries, store_id, endpoint_id, state, wanted)
        return webhooks_pb2.ListDeliveriesResponse(
            deliveries=map(delivery_message, page.rows), next_page_token=page.next_page_token
        )

    async def GetDelivery(
        self, request: webhooks_pb2.GetDeliveryRequest, _context: Context
    ) -> webhooks_pb2.GetDeliveryResponse:
        """Gets a delivery with its attempts."""
        store_id, delivery_id = ids_of(request.name)
        # Three statements of one moment, hence a transaction.
        record = await self._database.write(deliveries.get_delivery, store_id, delivery_id)
        return webhooks_pb2.GetDeliveryResponse(delivery=delivery_record_message(record))

    async def PublishEvents(
        self, request: webhooks_pb2.PublishEventsRequest, _context: Context
    ) -> webhooks_pb2.PublishEventsResponse:
        """Takes in events and makes their deliveries."""
        batch = [news(event) for event in request.events]
        published = await self._database.write(
            publishing.publish_events, batch, new_delivery_id=lambda: new_id("dlv"), now=now()
        )
        return webhooks_pb2.PublishEventsResponse(
            accepted_count=published.accepted_count, delivery_count=published.delivery_count
        )
