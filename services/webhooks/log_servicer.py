"""The part of WebhooksService that is about events: taking them in, the log of what was delivered, sending it again."""

from sedifex.webhooks.v1 import webhooks_pb2, webhooks_pb2_grpc

from services.common.access.caller import current_caller
from services.common.database import Database
from services.common.errors import InvalidArgument
from services.common.ids import ids_of, new_id
from services.common.paging import PageRequest
from services.common.server import Context
from services.common.times import now
from services.webhooks import deliveries, event_types, publishing, replays
from services.webhooks.convert import (
    delivery_count_message,
    delivery_message,
    delivery_record_message,
    event_message,
    event_type_message,
    log_filter,
    new_replay,
    news,
    replay_message,
)
from services.webhooks.replaying import Replaying


class LogServicer(webhooks_pb2_grpc.WebhooksServiceServicer):
    """See proto/sedifex/webhooks/v1/webhooks.proto for what each method promises."""

    def __init__(self, database: Database, replaying: Replaying) -> None:
        self._database = database
        self._replaying = replaying

    async def ListDeliveries(
        self, request: webhooks_pb2.ListDeliveriesRequest, _context: Context
    ) -> webhooks_pb2.ListDeliveriesResponse:
        """Lists the deliveries of a store."""
        (store_id,) = ids_of(request.parent)
        _check_of_store(request.endpoint, request.parent, "endpoint")
        _check_of_store(request.event, request.parent, "event")
        wanted = log_filter(request)
        page_request = PageRequest.parse(request.page_size, request.page_token, request.parent, wanted)
        page = await self._database.read(deliveries.list_deliveries, store_id, wanted, page_request)
        return webhooks_pb2.ListDeliveriesResponse(
            deliveries=map(delivery_message, page.rows), next_page_token=page.next_page_token
        )

    async def CountDeliveries(
        self, request: webhooks_pb2.CountDeliveriesRequest, _context: Context
    ) -> webhooks_pb2.CountDeliveriesResponse:
        """Counts the deliveries of a store by hours."""
        (store_id,) = ids_of(request.parent)
        _check_of_store(request.endpoint, request.parent, "endpoint")
        endpoint_id = ids_of(request.endpoint)[-1] if request.endpoint else ""
        hours = await self._database.read(deliveries.count_deliveries, store_id, endpoint_id, now())
        return webhooks_pb2.CountDeliveriesResponse(hours=map(delivery_count_message, hours))

    async def GetDelivery(
        self, request: webhooks_pb2.GetDeliveryRequest, _context: Context
    ) -> webhooks_pb2.GetDeliveryResponse:
        """Gets a delivery with its attempts."""
        # Three statements of one moment, hence a transaction.
        store_id, delivery_id = ids_of(request.name)
        record = await self._database.write(deliveries.get_delivery, store_id, delivery_id, current_caller())
        return webhooks_pb2.GetDeliveryResponse(delivery=delivery_record_message(record))

    async def RetryDelivery(
        self, request: webhooks_pb2.RetryDeliveryRequest, _context: Context
    ) -> webhooks_pb2.RetryDeliveryResponse:
        """Tries a delivery again now."""
        store_id, delivery_id = ids_of(request.name)
        delivery = await self._database.write(deliveries.retry_delivery, store_id, delivery_id, now())
        return webhooks_pb2.RetryDeliveryResponse(delivery=delivery_message(delivery))

    async def GetEvent(self, request: webhooks_pb2.GetEventRequest, _context: Context) -> webhooks_pb2.GetEventResponse:
        """Gets an event as it was published."""
        store_id, event_id = ids_of(request.name)
        event = await self._database.read(deliveries.get_event, store_id, event_id, current_caller())
        return webhooks_pb2.GetEventResponse(event=event_message(event))

    async def ReplayEvents(
        self, request: webhooks_pb2.ReplayEventsRequest, _context: Context
    ) -> webhooks_pb2.ReplayEventsResponse:
        """Begins to send events of the past again, or says how many there are."""
        _check_of_store(request.endpoint, request.parent, "endpoint")
        wanted, creator, moment = new_replay(request), current_caller().principal, now()
        if request.validate_only:
            replay = await self._database.write(replays.foresee, wanted, creator, moment)
        else:
            replay = await self._database.write(replays.start_replay, new_id("rpl"), wanted, creator, moment)
            self._replaying.wake()
        return webhooks_pb2.ReplayEventsResponse(replay=replay_message(replay))

    async def GetReplay(
        self, request: webhooks_pb2.GetReplayRequest, _context: Context
    ) -> webhooks_pb2.GetReplayResponse:
        """Gets a replay."""
        store_id, replay_id = ids_of(request.name)
        replay = await self._database.read(replays.get_replay, store_id, replay_id)
        return webhooks_pb2.GetReplayResponse(replay=replay_message(replay))

    async def ListReplays(
        self, request: webhooks_pb2.ListReplaysRequest, _context: Context
    ) -> webhooks_pb2.ListReplaysResponse:
        """Lists the replays of a store."""
        (store_id,) = ids_of(request.parent)
        wanted = PageRequest.parse(request.page_size, request.page_token, request.parent)
        page = await self._database.read(replays.list_replays, store_id, wanted)
        return webhooks_pb2.ListReplaysResponse(
            replays=map(replay_message, page.rows), next_page_token=page.next_page_token
        )

    async def CancelReplay(
        self, request: webhooks_pb2.CancelReplayRequest, _context: Context
    ) -> webhooks_pb2.CancelReplayResponse:
        """Stops a replay."""
        store_id, replay_id = ids_of(request.name)
        replay = await self._database.write(replays.cancel_replay, store_id, replay_id, now())
        return webhooks_pb2.CancelReplayResponse(replay=replay_message(replay))

    async def ListEventTypes(
        self, _request: webhooks_pb2.ListEventTypesRequest, _context: Context
    ) -> webhooks_pb2.ListEventTypesResponse:
        """Lists the types of events."""
        return webhooks_pb2.ListEventTypesResponse(
            event_types=map(event_type_message, event_types.event_types().values())
        )

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


def _check_of_store(name: str, parent: str, field: str) -> None:
    """Sees to it that nobody asks one store for what is another's.

    Raises:
        InvalidArgument: it is another's.
    """
    if name and not name.startswith(f"{parent}/"):
        raise InvalidArgument.field(field, f"must be of {parent}")
