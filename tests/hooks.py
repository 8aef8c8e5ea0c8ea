"""A store's webhooks as tests handle them: its endpoints, what is published in it, and the log."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.webhooks.v1 import webhooks_pb2

from services.common.access import service_identity
from services.common.ids import new_id
from tests.partner import WAIT_S, Delivered, Partner
from tests.system import Client, System

Delivery = webhooks_pb2.Delivery
Endpoint = webhooks_pb2.WebhookEndpoint
Event = webhooks_pb2.Event
NOWHERE = "http://127.0.0.1:9/never"
"""A URL for endpoints that nothing is sent to."""


@dataclass
class Hooks:
    """The webhooks of a store of its own."""

    system: System
    store: str
    publisher: Client
    _sequence: int = 0

    @classmethod
    async def of_new_store(cls, system: System) -> "Hooks":
        """The webhooks of a new store."""
        return cls.of_store(system, await system.new_store())

    @classmethod
    def of_store(cls, system: System, store: str) -> "Hooks":
        """The webhooks of this store."""
        secret = system.settings.keys.service_secret.get_secret_value()
        return cls(system, store, system.as_(service_identity.token_for("catalog", secret)))

    @property
    def stub(self) -> Any:
        """The service, called as the operator."""
        return self.system.operator.webhooks

    async def create(self, url: str = NOWHERE, **values: Any) -> webhooks_pb2.CreateWebhookEndpointResponse:
        """An endpoint, with its secret."""
        request = webhooks_pb2.CreateWebhookEndpointRequest(parent=self.store, url=url, **values)
        made: webhooks_pb2.CreateWebhookEndpointResponse = await self.stub.CreateWebhookEndpoint(request)
        return made

    async def endpoint(self, url: str = NOWHERE, **values: Any) -> Endpoint:
        """An endpoint."""
        return (await self.create(url, **values)).webhook_endpoint

    async def get(self, name: str) -> Endpoint:
        """The endpoint of this name."""
        request = webhooks_pb2.GetWebhookEndpointRequest(name=name)
        found: Endpoint = (await self.stub.GetWebhookEndpoint(request)).webhook_endpoint
        return found

    async def disable(self, name: str) -> Endpoint:
        """Disables an endpoint."""
        request = webhooks_pb2.DisableWebhookEndpointRequest(name=name)
        found: Endpoint = (await self.stub.DisableWebhookEndpoint(request)).webhook_endpoint
        return found

    async def enable(self, name: str) -> webhooks_pb2.EnableWebhookEndpointResponse:
        """Enables an endpoint."""
        request = webhooks_pb2.EnableWebhookEndpointRequest(name=name)
        answer: webhooks_pb2.EnableWebhookEndpointResponse = await self.stub.EnableWebhookEndpoint(request)
        return answer

    def event(self, event_type: str = "product.updated", product_id: str = "prod_1") -> Event:
        """An event to publish."""
        self._sequence += 1
        moment = Timestamp()
        moment.GetCurrentTime()
        data = {"productId": product_id, "before": None, "after": {"sortOrder": self._sequence}}
        return Event(
            id=new_id("evt"),
            store=self.store,
            type=event_type,
            occur_time=moment,
            sequence=self._sequence,
            data=json.dumps(data),
        )

    async def publish(self, *events: Event) -> webhooks_pb2.PublishEventsResponse:
        """Publishes events in one batch; one of them if none is given."""
        request = webhooks_pb2.PublishEventsRequest(events=events or [self.event()])
        answer: webhooks_pb2.PublishEventsResponse = await self.publisher.webhooks.PublishEvents(request)
        return answer

    async def log(self, page_size: int = 200, **filters: Any) -> list[Delivery]:
        """The whole log, page by page, newest first."""
        found: list[Delivery] = []
        token = ""
        while True:
            request = webhooks_pb2.ListDeliveriesRequest(
                parent=self.store, page_size=page_size, page_token=token, **filters
            )
            page = await self.stub.ListDeliveries(request)
            found += page.deliveries
            token = page.next_page_token
            if not token:
                return found

    async def delivery(self, name: str) -> Delivery:
        """A delivery with its attempts."""
        found: Delivery = (await self.stub.GetDelivery(webhooks_pb2.GetDeliveryRequest(name=name))).delivery
        return found

    async def retry(self, name: str) -> Delivery:
        """Tries a delivery again."""
        found: Delivery = (await self.stub.RetryDelivery(webhooks_pb2.RetryDeliveryRequest(name=name))).delivery
        return found

    async def ended(self, name: str) -> Delivery:
        """The delivery, once it has ended; the log has no event to wait for."""
        found: Delivery = await until(lambda: self.delivery(name), lambda seen: seen.HasField("finish_time"))
        return found


async def until(look: Callable[[], Any], enough: Callable[[Any], object]) -> Any:
    """What is seen, once it is enough."""
    async with asyncio.timeout(WAIT_S):
        while True:
            seen = await look()
            if enough(seen):
                return seen
            await asyncio.sleep(0.02)


async def delivered(partner: Partner) -> Delivered:
    """The next delivery that comes to a partner, waiting for it."""
    return await asyncio.to_thread(partner.next)
