"""JSON texts of single values: the scalars, and the well-known types whose JSON form is not that of their fields.

The forms are those of ProtoJSON (https://protobuf.dev/programming-guides/json/).
"""

import base64
import math
import struct
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor
from google.protobuf.message import DecodeError as WireError
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from . import times
from .descriptors import is_wrapper

Text = Callable[[Any], str]
"""A value of one known type → its JSON text."""

quoted: Text = encode_basestring
"""The JSON string of a text, by the standard library's C function; what is not ASCII stays as it is."""


class EncodeError(ValueError):
    """A message has no JSON form: a time out of range, an Any of an unknown type, NaN inside a Struct."""


def _bool(value: bool) -> str:
    return "true" if value else "false"


def bytes_text(value: bytes) -> str:
    return f'"{base64.b64encode(value).decode()}"'


def double_text(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return '"NaN"' if math.isnan(value) else '"Infinity"' if value > 0 else '"-Infinity"'


def is_minus_zero(value: float) -> bool:
    """Whether a float is -0.0, which equals zero but is not the same number on the wire."""
    return value == 0 and math.copysign(1.0, value) < 0


def float_text(value: float) -> str:
    """The shortest decimal that reads back as the same 32-bit number: 0.1, not 0.10000000149011612."""
    if not math.isfinite(value):
        return double_text(value)
    for digits in range(6, 9):
        short = float(f"{value:.{digits}g}")
        if struct.unpack("<f", struct.pack("<f", short))[0] == value:
            return repr(short)
    return repr(float(f"{value:.9g}"))


def enum_text(descriptor: EnumDescriptor) -> Text:
    if descriptor.full_name == "google.protobuf.NullValue":
        return lambda _value: "null"
    # Of names with the same number the first is the one to write, hence backwards.
    names = {value.number: quoted(value.name) for value in reversed(descriptor.values)}
    return lambda number: names.get(number) or str(number)


def _timestamp(message: Any) -> str:
    try:
        return f'"{times.timestamp_text(message.seconds, message.nanos)}"'
    except ValueError as error:
        raise EncodeError(str(error)) from error


def _duration(message: Any) -> str:
    try:
        return f'"{times.duration_text(message.seconds, message.nanos)}"'
    except ValueError as error:
        raise EncodeError(str(error)) from error


def _field_mask(message: Any) -> str:
    try:
        return quoted(message.ToJsonString())
    except ValueError as error:
        raise EncodeError(str(error)) from error


def _value(message: Any) -> str:
    kind = message.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return "null"
    value = getattr(message, kind)
    if kind == "number_value" and not math.isfinite(value):
        raise EncodeError("a google.protobuf.Value cannot hold NaN or infinity in JSON")
    return _KINDS[kind](value)


def _list_value(message: Any) -> str:
    return "[" + ",".join([_value(value) for value in message.values]) + "]"


def _struct(message: Any) -> str:
    fields = message.fields
    return "{" + ",".join([f"{quoted(name)}:{_value(fields[name])}" for name in fields]) + "}"


def any_text(message: Any, write: Callable[[Message], str]) -> str:
    if not message.type_url and not message.value:
        return "{}"
    url = quoted(message.type_url)
    try:
        held = message.DESCRIPTOR.file.pool.FindMessageTypeByName(message.type_url.rpartition("/")[2])
        body = write(GetMessageClass(held).FromString(message.value))
    except (KeyError, WireError) as error:
        raise EncodeError(
            f"an Any of type {url} cannot be written: its type is unknown here or it is broken"
        ) from error
    if has_own_form(held):
        return f'{{"@type":{url},"value":{body}}}'
    return f'{{"@type":{url}}}' if body == "{}" else f'{{"@type":{url},{body[1:]}'


def has_own_form(descriptor: Descriptor) -> bool:
    """Whether a type's JSON is not the object of its fields; inside an Any it then stands under "value"."""
    return descriptor.full_name in WELL_KNOWN or descriptor.full_name == "google.protobuf.Any" or is_wrapper(descriptor)


_KINDS: dict[str, Text] = {
    "number_value": repr,
    "string_value": quoted,
    "bool_value": _bool,
    "struct_value": _struct,
    "list_value": _list_value,
}

WELL_KNOWN: dict[str, Text] = {
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
    "google.protobuf.FieldMask": _field_mask,
    "google.protobuf.Value": _value,
    "google.protobuf.ListValue": _list_value,
    "google.protobuf.Struct": _struct,
}
