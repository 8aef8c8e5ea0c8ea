"""WebhooksService of the contract: reads requests, calls the domain, writes answers.

Endpoints are here, the log, events and replays in `log_servicer`.
"""

import os
from collections.abc import Callable

from sedifex.webhooks.v1 import webhooks_pb2

from services.common.access.caller import current_caller
from services.common.database import Database
from services.common.ids import ids_of, new_id
from services.common.paging import PageRequest
from services.common.server import Context
from services.common.stores import StoreDirectory
from services.common.times import now, to_timestamp
from services.common.vault import Vault
from services.webhooks import endpoints, pings, rotation, signing
from services.webhooks.convert import delivery_message, endpoint_message, endpoint_values, new_endpoint
from services.webhooks.log_servicer import LogServicer
from services.webhooks.replaying import Replaying


class WebhooksServicer(LogServicer):
    """See proto/sedifex/webhooks/v1/webhooks.proto for what each method promises."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        stores: StoreDirectory,
        check_url: Callable[[str, str], str],
        replaying: Replaying,
    ) -> None:
        super().__init__(database, replaying)
        self._vault = vault
        self._stores = stores
        self._check_url = check_url

    async def CreateWebhookEndpoint(
        self, request: webhooks_pb2.CreateWebhookEndpointRequest, _context: Context
    ) -> webhooks_pb2.CreateWebhookEndpointResponse:
        """Registers an endpoint and reveals its secret, this once."""
        wanted = new_endpoint(request, self._check_url(request.url, "url"))
        await self._stores.get(wanted.store_id)
        secret, moment = _new_secret(), now()
        endpoint = await self._database.write(
            endpoints.create_endpoint,
            new_id("whe"),
            wanted,
            secret,
            vault=self._vault,
            caller=current_caller(),
            now=moment,
        )
        return webhooks_pb2.CreateWebhookEndpointResponse(
            webhook_endpoint=endpoint_message(endpoint, moment), secret=secret
        )

    async def GetWebhookEndpoint(
        self, request: webhooks_pb2.GetWebhookEndpointRequest, _context: Context
    ) -> webhooks_pb2.GetWebhookEndpointResponse:
        """Gets an endpoint."""
        # Of one moment, hence a transaction, here and wherever an endpoint is read whole.
        store_id, endpoint_id = ids_of(request.name)
        endpoint = await self._database.write(endpoints.get_endpoint, store_id, endpoint_id)
        return webhooks_pb2.GetWebhookEndpointResponse(webhook_endpoint=endpoint_message(endpoint, now()))

    async def ListWebhookEndpoints(
        self, request: webhooks_pb2.ListWebhookEndpointsRequest, _context: Context
    ) -> webhooks_pb2.ListWebhookEndpointsResponse:
        """Lists the endpoints of a store."""
        (store_id,) = ids_of(request.parent)
        wanted = PageRequest.parse(request.page_size, request.page_token, request.parent)
        page = await self._database.write(endpoints.list_endpoints, store_id, wanted)
        moment = now()
        return webhooks_pb2.ListWebhookEndpointsResponse(
            webhook_endpoints=[endpoint_message(each, moment) for each in page.rows],
            next_page_token=page.next_page_token,
        )

    async def UpdateWebhookEndpoint(
        self, request: webhooks_pb2.UpdateWebhookEndpointRequest, _context: Context
    ) -> webhooks_pb2.UpdateWebhookEndpointResponse:
        """Changes an endpoint."""
        store_id, endpoint_id = ids_of(request.webhook_endpoint.name)
        values = endpoint_values(request.webhook_endpoint, request.update_mask)
        moment = now()
        endpoint = await self._database.write(
            endpoints.update_endpoint,
            store_id,
            endpoint_id,
            values,
            request.webhook_endpoint.etag,
            check_url=lambda url: self._check_url(url, "webhook_endpoint.url"),
            caller=current_caller(),
            now=moment,
        )
        return webhooks_pb2.UpdateWebhookEndpointResponse(webhook_endpoint=endpoint_message(endpoint, moment))

    async def EnableWebhookEndpoint(
        self, request: webhooks_pb2.EnableWebhookEndpointRequest, _context: Context
    ) -> webhooks_pb2.EnableWebhookEndpointResponse:
        """Sends to an endpoint again, and tells what it has missed."""
        moment = now()
        store_id, endpoint_id = ids_of(request.name)
        enabled = await self._database.write(endpoints.enable_endpoint, store_id, endpoint_id, moment)
        return webhooks_pb2.EnableWebhookEndpointResponse(
            webhook_endpoint=endpoint_message(enabled.endpoint, moment),
            missed_count=enabled.missed_count,
            missed_since_time=to_timestamp(enabled.missed_since),
        )

    async def DisableWebhookEndpoint(
        self, request: webhooks_pb2.DisableWebhookEndpointRequest, _context: Context
    ) -> webhooks_pb2.DisableWebhookEndpointResponse:
        """Stops sending to an endpoint."""
        moment = now()
        store_id, endpoint_id = ids_of(request.name)
        endpoint = await self._database.write(endpoints.disable_endpoint, store_id, endpoint_id, moment)
        return webhooks_pb2.DisableWebhookEndpointResponse(webhook_endpoint=endpoint_message(endpoint, moment))

    async def RotateWebhookEndpointSecret(
        self, request: webhooks_pb2.RotateWebhookEndpointSecretRequest, _context: Context
    ) -> webhooks_pb2.RotateWebhookEndpointSecretResponse:
        """Gives an endpoint a new secret and reveals it, this once."""
        store_id, endpoint_id = ids_of(request.name)
        secret, moment = _new_secret(), now()
        endpoint = await self._database.write(
            rotation.rotate_secret,
            store_id,
            endpoint_id,
            overlap=request.overlap.ToTimedelta() if request.HasField("overlap") else rotation.DEFAULT_OVERLAP,
            secret=secret,
            request_id=request.request_id or None,
            vault=self._vault,
            now=moment,
        )
        return webhooks_pb2.RotateWebhookEndpointSecretResponse(
            webhook_endpoint=endpoint_message(endpoint, moment), secret=secret
        )

    async def SendTestEvent(
        self, request: webhooks_pb2.SendTestEventRequest, _context: Context
    ) -> webhooks_pb2.SendTestEventResponse:
        """Sends a test event to an endpoint."""
        store_id, endpoint_id = ids_of(request.name)
        delivery = await self._database.write(
            pings.send_test, store_id, endpoint_id, new_id("evt"), new_id("dlv"), now()
        )
        return webhooks_pb2.SendTestEventResponse(delivery=delivery_message(delivery))

    async def DeleteWebhookEndpoint(
        self, request: webhooks_pb2.DeleteWebhookEndpointRequest, _context: Context
    ) -> webhooks_pb2.DeleteWebhookEndpointResponse:
        """Deletes an endpoint."""
        store_id, endpoint_id = ids_of(request.name)
        await self._database.write(endpoints.delete_endpoint, store_id, endpoint_id, now())
        return webhooks_pb2.DeleteWebhookEndpointResponse()


def _new_secret() -> str:
    return signing.new_secret(os.urandom(signing.SECRET_BYTES))
