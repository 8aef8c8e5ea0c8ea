"""Records of the Webhooks service as messages of the contract, and messages as records."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import ParseDict
from sedifex.webhooks.v1 import webhooks_pb2

from services.common.ids import ids_of
from services.common.masks import chosen_fields
from services.common.times import from_timestamp, to_duration, to_timestamp
from services.webhooks import health, rotation
from services.webhooks.deliveries import DeliveryRecord
from services.webhooks.endpoints import NewEndpoint
from services.webhooks.event_queries import Event
from services.webhooks.event_types import EventType
from services.webhooks.log_queries import Attempt, Delivery, HourCount, LogFilter
from services.webhooks.publishing import News
from services.webhooks.queries import Endpoint, Secret
from services.webhooks.replay_queries import Replay
from services.webhooks.replays import NewReplay

EndpointMessage = webhooks_pb2.WebhookEndpoint
DeliveryMessage = webhooks_pb2.Delivery
ReplayMessage = webhooks_pb2.Replay

_ENDPOINT_STATES = {"enabled": EndpointMessage.STATE_ENABLED, "disabled": EndpointMessage.STATE_DISABLED}
_LEVELS = {
    health.Level.ACTIVE: EndpointMessage.Health.LEVEL_ACTIVE,
    health.Level.DEGRADED: EndpointMessage.Health.LEVEL_DEGRADED,
    health.Level.FAILING: EndpointMessage.Health.LEVEL_FAILING,
}
_DELIVERY_STATES = {
    "pending": DeliveryMessage.STATE_PENDING,
    "succeeded": DeliveryMessage.STATE_SUCCEEDED,
    "dead": DeliveryMessage.STATE_DEAD,
    "cancelled": DeliveryMessage.STATE_CANCELLED,
    "coalesced": DeliveryMessage.STATE_COALESCED,
}
_REPLAY_STATES = {
    "running": ReplayMessage.STATE_RUNNING,
    "succeeded": ReplayMessage.STATE_SUCCEEDED,
    "cancelled": ReplayMessage.STATE_CANCELLED,
}
_DELIVERY_WORDS = {value: word for word, value in _DELIVERY_STATES.items()}


def endpoint_message(endpoint: Endpoint, now: datetime) -> webhooks_pb2.WebhookEndpoint:
    """The endpoint as clients see it at `now`."""
    secrets = rotation.live(endpoint.secrets, now)
    return EndpointMessage(
        name=f"stores/{endpoint.store_id}/webhookEndpoints/{endpoint.id}",
        url=endpoint.url,
        display_name=endpoint.display_name,
        event_types=endpoint.event_types,
        state=_ENDPOINT_STATES[endpoint.state],
        secret_hint=secrets[0].hint if secrets else "",
        create_time=to_timestamp(endpoint.create_time),
        state_reason=endpoint.state_reason,
        rate_limit_per_second=endpoint.rate_limit_per_second,
        max_concurrency=endpoint.max_concurrency,
        coalesce_window=to_duration(endpoint.coalesce_ms) if endpoint.coalesce_ms else None,
        health=_health_message(endpoint, now),
        secrets=map(_secret_message, secrets),
        etag=endpoint.etag,
        update_time=to_timestamp(endpoint.update_time),
        disable_time=to_timestamp(endpoint.disable_time),
    )


def new_endpoint(request: webhooks_pb2.CreateWebhookEndpointRequest, url: str) -> NewEndpoint:
    """The endpoint that a client wants; `url` has been checked."""
    return NewEndpoint(
        store_id=ids_of(request.parent)[0],
        url=url,
        display_name=request.display_name,
        event_types=tuple(request.event_types),
        rate_limit_per_second=request.rate_limit_per_second,
        max_concurrency=request.max_concurrency,
        coalesce_ms=request.coalesce_window.ToMilliseconds(),
        request_id=request.request_id or None,
    )


def endpoint_values(message: webhooks_pb2.WebhookEndpoint, mask: FieldMask) -> dict[str, Any]:
    """The values that a client wants changed, by the names of `Endpoint`'s fields.

    Raises:
        InvalidArgument: the mask names something that cannot be changed.
    """
    values: dict[str, Any] = {}
    for name in chosen_fields(message, mask, _ENDPOINT_FIELDS):
        values |= _ENDPOINT_FIELDS[name](message)
    return values


def delivery_message(delivery: Delivery) -> webhooks_pb2.Delivery:
    """The delivery as lists show it."""
    return DeliveryMessage(
        name=f"stores/{delivery.store_id}/deliveries/{delivery.id}",
        endpoint=f"stores/{delivery.store_id}/webhookEndpoints/{delivery.endpoint_id}",
        event=f"stores/{delivery.store_id}/events/{delivery.event_id}",
        event_type=delivery.event_type,
        state=_DELIVERY_STATES[delivery.state],
        attempt_count=delivery.attempt_count,
        last_status_code=delivery.last_status_code,
        create_time=to_timestamp(delivery.create_time),
        next_attempt_time=to_timestamp(delivery.next_attempt_time),
        finish_time=to_timestamp(delivery.finish_time),
        product_id=delivery.product_id,
        last_error=delivery.last_error,
    )


def delivery_count_message(hour: HourCount) -> webhooks_pb2.DeliveryCount:
    """How many deliveries an hour has seen."""
    by = hour.by_state
    return webhooks_pb2.DeliveryCount(
        start_time=to_timestamp(hour.start_time),
        succeeded_count=by.get("succeeded", 0),
        dead_count=by.get("dead", 0),
        pending_count=by.get("pending", 0),
        unsent_count=by.get("cancelled", 0) + by.get("coalesced", 0),
        truncated=hour.is_truncated,
    )


def delivery_record_message(record: DeliveryRecord) -> webhooks_pb2.Delivery:
    """The delivery with its attempts and its body."""
    message = delivery_message(record.delivery)
    message.attempts.extend(map(_attempt_message, record.attempts))
    message.body = record.body.decode()
    return message


def delivery_state(value: webhooks_pb2.Delivery.State.ValueType) -> str:
    """The word for a state; empty for none."""
    return _DELIVERY_WORDS.get(value, "")


def log_filter(request: webhooks_pb2.ListDeliveriesRequest) -> LogFilter:
    """Which deliveries a client wants."""
    return LogFilter(
        endpoint_id=ids_of(request.endpoint)[1] if request.endpoint else "",
        state=delivery_state(request.state),
        event_type=request.event_type,
        product_id=request.product_id,
        event_id=ids_of(request.event)[1] if request.event else "",
        status_code=request.status_code,
        start_time=from_timestamp(request.start_time) if request.HasField("start_time") else None,
        end_time=from_timestamp(request.end_time) if request.HasField("end_time") else None,
    )


def news(event: webhooks_pb2.Event) -> News:
    """An event as its publisher tells it."""
    (store_id,) = ids_of(event.store)
    occurred = from_timestamp(event.occur_time)
    return News(event.id, store_id, event.type, event.sequence, occurred, event.data, event.traceparent)


def event_message(event: Event) -> webhooks_pb2.Event:
    """The event as it was published."""
    body = json.loads(event.body)
    message = webhooks_pb2.Event(
        id=event.id,
        store=f"stores/{event.store_id}",
        type=event.type,
        sequence=body["sequence"],
        # Byte for byte: what follows the head, which publishing wrote, up to the brace that ends the whole.
        data=event.body.decode().partition(',"data":')[2][:-1],
    )
    message.occur_time.FromJsonString(body["occurredAt"])
    return message


def new_replay(request: webhooks_pb2.ReplayEventsRequest) -> NewReplay:
    """The replay that a client wants."""
    return NewReplay(
        store_id=ids_of(request.parent)[0],
        start_time=from_timestamp(request.start_time),
        end_time=from_timestamp(request.end_time) if request.HasField("end_time") else None,
        endpoint_id=ids_of(request.endpoint)[1] if request.endpoint else None,
        states=tuple(map(delivery_state, request.states)),
        event_types=tuple(request.event_types),
        request_id=request.request_id or None,
    )


def replay_message(replay: Replay) -> webhooks_pb2.Replay:
    """The replay as clients see it. One that was only foreseen has no name."""
    store = f"stores/{replay.store_id}"
    asked = webhooks_pb2.ReplayEventsRequest(
        parent=store,
        start_time=to_timestamp(replay.start_time),
        end_time=to_timestamp(replay.end_time),
        endpoint=f"{store}/webhookEndpoints/{replay.endpoint_id}" if replay.endpoint_id else "",
        states=[_DELIVERY_STATES[word] for word in replay.states],
        event_types=replay.event_types,
        validate_only=not replay.id,
    )
    return ReplayMessage(
        name=f"{store}/replays/{replay.id}" if replay.id else "",
        request=asked,
        state=_REPLAY_STATES[replay.state],
        examined_count=replay.examined_count,
        delivery_count=replay.delivery_count,
        succeeded_count=replay.succeeded_count,
        create_time=to_timestamp(replay.create_time),
        finish_time=to_timestamp(replay.finish_time),
        progress_time=to_timestamp(replay.progress_time),
        creator=replay.creator,
    )


def event_type_message(event_type: EventType) -> webhooks_pb2.EventType:
    """The type as clients see it."""
    message = webhooks_pb2.EventType(
        type=event_type.name, description=event_type.description, schema_version=event_type.schema_version
    )
    ParseDict(dict(event_type.schema), message.schema)
    ParseDict(dict(event_type.example), message.example)
    return message


def _health_message(endpoint: Endpoint, now: datetime) -> webhooks_pb2.WebhookEndpoint.Health:
    standing = endpoint.standing
    judged = health.health(standing, now)
    return EndpointMessage.Health(
        level=_LEVELS[judged.level],
        reason=judged.reason,
        since_time=to_timestamp(judged.since),
        last_success_time=to_timestamp(standing.last_success_time),
        last_failure_time=to_timestamp(standing.last_failure_time),
        # A disabled one cannot become so.
        disable_time=to_timestamp(judged.disable_time) if endpoint.is_enabled else None,
    )


def _secret_message(secret: Secret) -> webhooks_pb2.WebhookEndpoint.Secret:
    return EndpointMessage.Secret(
        hint=secret.hint, create_time=to_timestamp(secret.create_time), end_time=to_timestamp(secret.end_time)
    )


def _attempt_message(attempt: Attempt) -> webhooks_pb2.Attempt:
    return webhooks_pb2.Attempt(
        id=attempt.id,
        number=attempt.number,
        start_time=to_timestamp(attempt.start_time),
        latency=to_duration(attempt.latency_ms),
        status_code=attempt.status_code,
        error=attempt.error,
        response_body=attempt.response_body.decode(errors="replace"),
        response_headers=attempt.response_headers,
        remote_address=attempt.remote_address,
        request_headers=attempt.request_headers,
    )


# What each field of the message that can be changed means for the record.
_ENDPOINT_FIELDS: dict[str, Callable[[webhooks_pb2.WebhookEndpoint], dict[str, Any]]] = {
    "url": lambda message: {"url": message.url},
    "display_name": lambda message: {"display_name": message.display_name},
    "event_types": lambda message: {"event_types": tuple(sorted(message.event_types))},
    "rate_limit_per_second": lambda message: {"rate_limit_per_second": message.rate_limit_per_second},
    "max_concurrency": lambda message: {"max_concurrency": message.max_concurrency},
    "coalesce_window": lambda message: {"coalesce_ms": message.coalesce_window.ToMilliseconds()},
}
