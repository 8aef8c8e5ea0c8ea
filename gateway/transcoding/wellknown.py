"""JSON → the well-known types whose JSON form is not that of their fields (see `values` for the other direction)."""

import math
import re
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor

from . import scalars
from .descriptors import is_wrapper
from .invalid import InvalidRequestError, shown
from .times import parse_duration, parse_timestamp

Fill = Callable[[Any, Any, int], None]
"""(JSON value, message to fill, JSON levels that are left) → nothing. Raises InvalidRequestError."""

_MASK_PATH = re.compile(r"\*|[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_UPPER = re.compile("[A-Z]")


def has_text_form(descriptor: Descriptor) -> bool:
    """Whether the type's JSON is a plain value, so that a query parameter can hold it."""
    return descriptor.full_name in _TEXTS or is_wrapper(descriptor)


def find_filler(descriptor: Descriptor) -> Fill | None:
    """Return what fills a well-known type from JSON; None for any other type, and for Any, which needs the decoder."""
    if is_wrapper(descriptor):
        return _wrapper(descriptor)
    return _TEXTS.get(descriptor.full_name) or _TREES.get(descriptor.full_name)


def fill_from_text(text: str, message: Any) -> None:
    """Fill a message that `has_text_form` from a query parameter."""
    if is_wrapper(message.DESCRIPTOR):
        message.value = scalars.text_reader(message.DESCRIPTOR.fields_by_name["value"])(text)
    else:
        _TEXTS[message.DESCRIPTOR.full_name](text, message, 1)


def members(value: object, levels: int) -> dict[str, Any]:
    """Return the members of a JSON object. Raises InvalidRequestError for anything else and for nesting too deep."""
    if not isinstance(value, dict):
        raise InvalidRequestError(f"expected an object, got {shown(value)}")
    check_levels(levels)
    if isinstance(value, RepeatedNames):
        raise InvalidRequestError("expected each name once in an object; this one is given twice", value.name)
    return value


def items(value: object, levels: int) -> list[Any]:
    """Return the items of a JSON array. Raises InvalidRequestError for anything else and for nesting too deep."""
    if not isinstance(value, list):
        raise InvalidRequestError(f"expected an array, got {shown(value)}")
    check_levels(levels)
    return value


def check_levels(levels: int) -> None:
    """Raise InvalidRequestError where no levels are left."""
    if levels <= 0:
        raise InvalidRequestError("expected a flatter document; objects and arrays are nested too deeply here")


class RepeatedNames(dict[str, Any]):
    """A JSON object that gave a name twice. Told apart while parsing, refused where its place is known."""

    name: str

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                self.name = name[:64]
                return
            seen.add(name)


def _wrapper(descriptor: Descriptor) -> Fill:
    read = scalars.reader(descriptor.fields_by_name["value"])

    def fill(value: object, message: Any, _levels: int) -> None:
        message.value = read(value)

    return fill


def _timestamp(value: object, message: Any, _levels: int) -> None:
    try:
        message.seconds, message.nanos = parse_timestamp(scalars.string(value))
    except InvalidRequestError:
        raise
    except ValueError:
        expected = 'expected an RFC 3339 time such as "2024-05-01T10:00:00Z"'
        raise InvalidRequestError(f"{expected}, got {shown(value)}") from None


def _duration(value: object, message: Any, _levels: int) -> None:
    try:
        message.seconds, message.nanos = parse_duration(scalars.string(value))
    except InvalidRequestError:
        raise
    except ValueError:
        raise InvalidRequestError(f'expected a duration in seconds such as "3.5s", got {shown(value)}') from None


def _field_mask(value: object, message: Any, _levels: int) -> None:
    """Comma-separated paths in camelCase as ProtoJSON writes them, or in snake_case as AIP clients often send them."""
    for path in filter(None, scalars.string(value).split(",")):
        if not _MASK_PATH.fullmatch(path):
            raise InvalidRequestError(f'expected field names such as "price,displayName", got {shown(value)}')
        message.paths.append(_UPPER.sub(lambda upper: f"_{upper[0].lower()}", path))


def _value(value: Any, message: Any, levels: int) -> None:
    if value is None:
        message.null_value = 0
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, str):
        message.string_value = scalars.string(value)
    elif isinstance(value, int | float):
        message.number_value = _finite(value)
    elif isinstance(value, list):
        message.list_value.SetInParent()
        _list_value(value, message.list_value, levels)
    else:
        message.struct_value.SetInParent()
        _struct(value, message.struct_value, levels)


def _finite(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise InvalidRequestError(f"expected a number within the range of a double, got {shown(value)}")
    return number


def _list_value(value: object, message: Any, levels: int) -> None:
    for index, item in enumerate(items(value, levels)):
        try:
            _value(item, message.values.add(), levels - 1)
        except InvalidRequestError as error:
            raise error.within(f"[{index}]") from None


def _struct(value: object, message: Any, levels: int) -> None:
    for name, item in members(value, levels).items():
        try:
            _value(item, message.fields[scalars.string(name)], levels - 1)
        except InvalidRequestError as error:
            raise error.within(name[:64]) from None


_TEXTS: dict[str, Fill] = {
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
    "google.protobuf.FieldMask": _field_mask,
}

_TREES: dict[str, Fill] = {
    "google.protobuf.Value": _value,
    "google.protobuf.ListValue": _list_value,
    "google.protobuf.Struct": _struct,
}
