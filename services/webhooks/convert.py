"""Records of the Webhooks service as messages of the contract, and messages as records."""

from sedifex.webhooks.v1 import webhooks_pb2

from services.common.ids import ids_of
from services.common.times import from_timestamp, to_duration, to_timestamp
from services.webhooks.deliveries import DeliveryRecord
from services.webhooks.publishing import News
from services.webhooks.queries import Attempt, Delivery, Endpoint

EndpointMessage = webhooks_pb2.WebhookEndpoint
DeliveryMessage = webhooks_pb2.Delivery

_ENDPOINT_STATES = {"enabled": EndpointMessage.STATE_ENABLED, "disabled": EndpointMessage.STATE_DISABLED}
_DELIVERY_STATES = {
    "pending": DeliveryMessage.STATE_PENDING,
    "succeeded": DeliveryMessage.STATE_SUCCEEDED,
    "dead": DeliveryMessage.STATE_DEAD,
    "cancelled": DeliveryMessage.STATE_CANCELLED,
}
_DELIVERY_WORDS = {value: word for word, value in _DELIVERY_STATES.items()}


def endpoint_message(endpoint: Endpoint) -> webhooks_pb2.WebhookEndpoint:
    """The endpoint as clients see it."""
    return EndpointMessage(
        name=f"stores/{endpoint.store_id}/webhookEndpoints/{endpoint.id}",
        url=endpoint.url,
        display_name=endpoint.display_name,
        event_types=endpoint.event_types,
        state=_ENDPOINT_STATES[endpoint.state],
        secret_hint=endpoint.secret_hint,
        create_time=to_timestamp(endpoint.create_time),
        state_reason=endpoint.state_reason,
    )


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
        last_error=delivery.last_error,
    )


def delivery_record_message(record: DeliveryRecord) -> webhooks_pb2.Delivery:
    """The delivery with its attempts and its body."""
    message = delivery_message(record.delivery)
    message.attempts.extend(map(_attempt_message, record.attempts))
    message.body = record.body.decode()
    return message


def delivery_state(value: webhooks_pb2.Delivery.State.ValueType) -> str | None:
    """The state to filter by; None for all."""
    return _DELIVERY_WORDS.get(value)


def news(event: webhooks_pb2.Event) -> News:
    """An event as its publisher tells it."""
    (store_id,) = ids_of(event.store)
    return News(event.id, store_id, event.type, event.sequence, from_timestamp(event.occur_time), event.data)


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
    )
