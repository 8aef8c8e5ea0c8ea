"""Questions about descriptors that more than one module asks."""

from functools import lru_cache
from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message


def descriptor_of(message: Message) -> Descriptor:
    """Return the type of a message."""
    return cast("Descriptor", message.DESCRIPTOR)


def map_entry(field: FieldDescriptor) -> Descriptor | None:
    """Return the type of a map field's entries, with the fields `key` and `value`; None where it is no map."""
    entry = field.message_type
    return entry if entry is not None and entry.GetOptions().map_entry else None


def is_wrapper(descriptor: Descriptor) -> bool:
    """Whether the type is one of google/protobuf/wrappers.proto, written in JSON as the bare value."""
    return descriptor.file.name == "google/protobuf/wrappers.proto"


@lru_cache(maxsize=4096)  # bounded, for the paths of query parameters come from clients
def find_field(descriptor: Descriptor, field_path: str) -> tuple[FieldDescriptor, ...] | None:
    """Return the fields along a dotted path of proto or JSON names, or None where there is no such field."""
    found: list[FieldDescriptor] = []
    message: Descriptor | None = descriptor
    for name in field_path.split("."):
        field = _find_member(message, name) if message is not None else None
        if field is None:
            return None
        found.append(field)
        message = None if field.is_repeated else field.message_type
    return tuple(found)


def _find_member(message: Descriptor, name: str) -> FieldDescriptor | None:
    by_json_name = (field for field in message.fields if field.json_name == name)
    return next(by_json_name, None) or message.fields_by_name.get(name)
