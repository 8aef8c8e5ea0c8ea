"""Which conditions (RFC 9110, 13) a method takes, known by the names of fields in its messages."""

from typing import Any, TypeGuard

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from .entity_tags import required_etag
from .invalid import InvalidRequestError, shown

READING = frozenset({"GET", "HEAD"})
"""The HTTP methods that have a 304."""

IF_NONE_MATCH, ETAG, NOT_MODIFIED = "if_none_match", "etag", "not_modified"


def is_conditional(rpc: MethodDescriptor) -> bool:
    """Whether the service judges If-None-Match itself: its request takes the condition, its response has the etag and
    can say that nothing has changed.
    """
    not_modified = rpc.output_type.fields_by_name.get(NOT_MODIFIED)
    return (
        is_plain_string(rpc.input_type.fields_by_name.get(IF_NONE_MATCH))
        and is_plain_string(rpc.output_type.fields_by_name.get(ETAG))
        and not_modified is not None
        and not_modified.type == FieldDescriptor.TYPE_BOOL
        and not not_modified.is_repeated
    )


def answered_type(rpc: MethodDescriptor, response_field: FieldDescriptor | None) -> Descriptor | None:
    """Return the type of what is answered; None where that is no single message."""
    if response_field is None:
        return rpc.output_type
    return None if response_field.is_repeated else response_field.message_type


def has_etag(message: Descriptor | None) -> TypeGuard[Descriptor]:
    """Whether messages of a type have an etag of their own (AIP-154)."""
    return message is not None and is_plain_string(message.fields_by_name.get(ETAG))


def find_if_match(
    rpc: MethodDescriptor, http_method: str, body_field: FieldDescriptor | None
) -> tuple[FieldDescriptor, ...]:
    """Return the path of the field that takes If-Match, empty where there is none.

    It is the request's own etag, or that of the resource in the body; not where the body is POSTed, for then it
    becomes a new resource and there is nothing yet to compare it with.
    """
    if http_method in READING:
        return ()
    own = rpc.input_type.fields_by_name.get(ETAG)
    if is_plain_string(own):
        return (own,)
    if http_method == "POST" or body_field is None or body_field.is_repeated or not has_etag(body_field.message_type):
        return ()
    return (body_field, body_field.message_type.fields_by_name[ETAG])


def require_match(path: tuple[FieldDescriptor, ...], message: Message, if_match: str) -> bool:
    """Set the field at `path` to the etag that If-Match asks for. Return whether it asks for one.

    Raises InvalidRequestError where the header cannot be read, where the request names another etag, and where the
    method has no place for one: to write all the same is what the caller wanted to rule out.
    """
    etag = required_etag(if_match)
    if etag is None:
        return False
    if not path:
        raise InvalidRequestError("is not taken by this method, which writes in any case; remove it", "If-Match")
    owner: Any = message
    for field in path[:-1]:
        owner = getattr(owner, field.name)
    given = owner.etag
    if given and given != etag:
        place = ".".join(field.json_name for field in path)
        description = f"expected the same etag as in the request's {place}, {shown(given)}, or none; got {shown(etag)}"
        raise InvalidRequestError(description, "If-Match")
    owner.etag = etag
    return True


def is_plain_string(field: FieldDescriptor | None) -> TypeGuard[FieldDescriptor]:
    """Whether there is such a field and it holds one string."""
    return field is not None and field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated
