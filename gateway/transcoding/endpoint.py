"""One RPC behind one binding: request parts → message → call → JSON."""

from typing import Any

import grpc
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from .bindings import Binding
from .decode import Decoder
from .encode import Encoder
from .invalid import InvalidRequestError
from .parameters import apply_path, apply_query

Metadata = list[tuple[str, str | bytes]]


class Endpoint:
    """A binding made ready to serve: message classes, callable and writer are looked up once."""

    def __init__(self, binding: Binding, channel: grpc.aio.Channel, decoder: Decoder, encoder: Encoder) -> None:
        rpc = binding.rpc
        self.binding = binding
        self._decoder = decoder
        self._request_class = GetMessageClass(rpc.input_type)
        self._call = channel.unary_unary(
            f"/{rpc.containing_service.full_name}/{rpc.name}",
            request_serializer=self._request_class.SerializeToString,
            response_deserializer=GetMessageClass(rpc.output_type).FromString,
        )
        response_field = binding.response_field
        self._response_name = response_field.name if response_field else None
        self._write = encoder.field_writer(response_field) if response_field else encoder.writer(rpc.output_type)
        self._takes_request_id = _is_plain_string(rpc.input_type.fields_by_name.get("request_id"))

    def __str__(self) -> str:
        return str(self.binding)

    def request(self, body: bytes, variables: dict[str, str], query: bytes, idempotency_key: str | None) -> Message:
        """Build the request message. Raises InvalidRequestError."""
        message: Any = self._request_class()
        if self.binding.has_body:
            if body:
                self._decoder.decode(body, message, self.binding.body_field)
        elif body:
            raise InvalidRequestError("this method takes no request body; remove it")
        if query:
            apply_query(query, self.binding, message)
        apply_path(variables, message)
        if idempotency_key and self._takes_request_id and not message.request_id:
            message.request_id = idempotency_key
        return message  # type: ignore[no-any-return]

    def call(self, message: Message, timeout: float, metadata: Metadata) -> grpc.aio.UnaryUnaryCall[Any, Any]:
        """Start the RPC; `timeout` is in seconds."""
        return self._call(message, timeout=timeout, metadata=metadata)

    def answer(self, response: Message) -> bytes:
        """Return the JSON of the answer, or of its `response_body` field. Raises EncodeError."""
        value = response if self._response_name is None else getattr(response, self._response_name)
        return self._write(value).encode()


def _is_plain_string(field: FieldDescriptor | None) -> bool:
    return field is not None and field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated
