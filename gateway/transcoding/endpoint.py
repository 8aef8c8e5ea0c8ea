"""One RPC behind one binding: request parts → message → call → JSON."""

from typing import Any

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from .bindings import Binding
from .conditions import NOT_MODIFIED, is_plain_string
from .decode import Decoder
from .encode import Encoder, Text
from .entity_tags import entity_tag, is_complete
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
        self._write = _writer(binding, encoder)
        self._takes_request_id = is_plain_string(rpc.input_type.fields_by_name.get("request_id"))

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
        apply_path(variables, self.binding, message)
        if idempotency_key and self._takes_request_id and not message.request_id:
            message.request_id = _unquoted(idempotency_key)
        return message  # type: ignore[no-any-return]

    def call(self, message: Message, timeout: float, metadata: Metadata) -> grpc.aio.UnaryUnaryCall[Any, Any]:
        """Start the RPC; `timeout` is in seconds."""
        return self._call(message, timeout=timeout, metadata=metadata)

    def render(self, response: Message) -> bytes:
        """Return the JSON of the answer, or of its `response_body` field. Raises EncodeError."""
        return self._write(self._answered(response)).encode()

    def etag(self, response: Any) -> str:
        """Return the entity tag of the answer: what a service that judges conditions has made one, else the etag of
        what is answered, in quotes. Empty where there is none.
        """
        if self.binding.is_conditional:
            return response.etag if is_complete(response.etag) else ""
        return entity_tag(self._answered(response).etag) if self.binding.has_etag else ""

    def key(self, message: Message) -> bytes:
        """Return what tells this request from every other one, whoever sends it."""
        rpc, part = self.binding.rpc.full_name, self._response_name or ""
        return f"{rpc} {part}\0".encode() + message.SerializeToString(deterministic=True)

    def _answered(self, response: Message) -> Any:
        return response if self._response_name is None else getattr(response, self._response_name)


def _unquoted(key: str) -> str:
    """The key of `Idempotency-Key: "key"`, as draft-ietf-httpapi-idempotency-key-header-07 has it, or of a bare one."""
    return key[1:-1] if len(key) > 1 and key[0] == key[-1] == '"' else key


def _writer(binding: Binding, encoder: Encoder) -> Text:
    if binding.response_field is not None:
        return encoder.field_writer(binding.response_field)
    # In HTTP it is the status that says so.
    without = {NOT_MODIFIED} if binding.is_conditional else ()
    return encoder.writer(binding.rpc.output_type, without=without)
