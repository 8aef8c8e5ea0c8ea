"""JSON values, and the texts of paths and queries, → field values of the scalar kinds and enums.

Each reader raises InvalidRequestError saying what was expected. ProtoJSON's leniency is kept (a 64-bit integer as a
string or as a number, 1.0 for an integer, both base64 alphabets), anything beyond it is refused.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from .invalid import InvalidRequestError, shown

Read = Callable[[Any], Any]
"""A JSON value of any kind → the field's value."""

_INTEGER = re.compile(r"-?[0-9]{1,20}")
_NUMBER = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,4})?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FLOAT_MAX = 3.4028235677973366e38  # from here on, a double no longer rounds to a finite 32-bit number
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_NAMED_CHOICES = 20


@cache
def reader(field: FieldDescriptor) -> Read:
    """Return the reader of a field's single value from JSON. The field is no message."""
    if field.enum_type is not None:
        return _enum(field.enum_type)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes
    return _READERS[field.cpp_type]


@cache
def text_reader(field: FieldDescriptor) -> Callable[[str], Any]:
    """Return the reader of a field's single value from a path or a query, where everything is text."""
    if field.enum_type is not None:
        read = _enum(field.enum_type)
        return lambda text: read(int(text) if _INTEGER.fullmatch(text) else text)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return _bool_text
    return reader(field)


def string(value: object) -> str:
    """Read a string. A lone surrogate, which JSON can spell and UTF-8 cannot, is refused."""
    if not isinstance(value, str):
        raise InvalidRequestError(f"expected a string, got {shown(value)}")
    if not value.isascii() and _SURROGATE.search(value):
        raise InvalidRequestError("expected a string of valid Unicode, got an unpaired surrogate")
    return value


def _integer(bits: int, *, signed: bool) -> Read:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    expected = f"expected an integer from {low} to {high}"

    def read(value: object) -> int:
        if type(value) is int:
            number = value
        elif (isinstance(value, float) and value.is_integer()) or (
            isinstance(value, str) and _INTEGER.fullmatch(value)
        ):
            number = int(value)
        else:
            raise InvalidRequestError(f"{expected}, got {shown(value)}")
        if not low <= number <= high:
            raise InvalidRequestError(f"{expected}, got {shown(value)}")
        return number

    return read


def _floating(largest: float) -> Read:
    def read(value: object) -> float:
        if isinstance(value, str) and value in _NOT_FINITE:
            return _NOT_FINITE[value]
        is_number = type(value) in {int, float} or (isinstance(value, str) and _NUMBER.fullmatch(value))
        if not is_number:
            raise InvalidRequestError(f'expected a number, "NaN", "Infinity" or "-Infinity", got {shown(value)}')
        try:
            number = float(value)  # type: ignore[arg-type]
        except OverflowError:
            number = math.inf
        if abs(number) >= largest:
            raise InvalidRequestError(f"expected a number within the field's range, got {shown(value)}")
        return number

    return read


def _bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise InvalidRequestError(f"expected true or false, got {shown(value)}")


def _bool_text(text: str) -> bool:
    if text in {"true", "false"}:
        return text == "true"
    raise InvalidRequestError(f"expected true or false, got {shown(text)}")


def _bytes(value: object) -> bytes:
    if not isinstance(value, str):
        raise InvalidRequestError(f"expected base64 in a string, got {shown(value)}")
    try:
        plain = value.rstrip("=").replace("-", "+").replace("_", "/")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequestError(f"expected base64, got {shown(value)}") from None


def _null(value: object) -> int:
    if value is None or value == "NULL_VALUE":
        return 0
    raise InvalidRequestError(f"expected null, got {shown(value)}")


def _enum(descriptor: EnumDescriptor) -> Read:
    if descriptor.full_name == "google.protobuf.NullValue":
        return _null
    numbers = {name: value.number for name, value in descriptor.values_by_name.items()}
    names = ", ".join(f'"{name}"' for name in list(numbers)[:_NAMED_CHOICES])
    more = "" if len(numbers) <= _NAMED_CHOICES else " or another name of the enum"
    in_range = _integer(32, signed=True)

    def read(value: object) -> int:
        if isinstance(value, str) and value in numbers:
            return numbers[value]
        # An open enum takes numbers that this build does not know: the service may be newer than its gateway.
        if type(value) is int and (not descriptor.is_closed or value in descriptor.values_by_number):
            return int(in_range(value))
        raise InvalidRequestError(f"expected one of {names}{more}, got {shown(value)}")

    return read


_READERS: dict[int, Read] = {
    FieldDescriptor.CPPTYPE_INT32: _integer(32, signed=True),
    FieldDescriptor.CPPTYPE_UINT32: _integer(32, signed=False),
    FieldDescriptor.CPPTYPE_INT64: _integer(64, signed=True),
    FieldDescriptor.CPPTYPE_UINT64: _integer(64, signed=False),
    FieldDescriptor.CPPTYPE_DOUBLE: _floating(math.inf),
    FieldDescriptor.CPPTYPE_FLOAT: _floating(_FLOAT_MAX),
    FieldDescriptor.CPPTYPE_BOOL: _bool,
    FieldDescriptor.CPPTYPE_STRING: string,
}
