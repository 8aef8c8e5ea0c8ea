"""Messages → JSON: equal to protobuf's own json_format, whatever the message."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.transcoding import EncodeError, Encoder
from gateway.transcoding.decode import Decoder
from gateway.transcoding.descriptors import map_entry

F = FieldDescriptor
SIGNED_32 = st.integers(-(1 << 31), (1 << 31) - 1)
SIGNED_64 = st.integers(-(1 << 63), (1 << 63) - 1)
SCALARS: dict[int, st.SearchStrategy[Any]] = {
    F.CPPTYPE_INT32: SIGNED_32,
    F.CPPTYPE_INT64: SIGNED_64,
    F.CPPTYPE_UINT32: st.integers(0, (1 << 32) - 1),
    F.CPPTYPE_UINT64: st.integers(0, (1 << 64) - 1),
    F.CPPTYPE_DOUBLE: st.floats(allow_nan=False) | st.sampled_from([-0.0, math.nan]),
    F.CPPTYPE_FLOAT: st.floats(width=32, allow_nan=False) | st.sampled_from([-0.0, math.nan]),
    F.CPPTYPE_BOOL: st.booleans(),
    F.CPPTYPE_ENUM: st.integers(0, 3),
}
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
TREES: st.SearchStrategy[Any] = st.dictionaries(st.text(max_size=3), JSON, max_size=2)
LISTS: st.SearchStrategy[Any] = st.lists(JSON, max_size=2)
NANOS = st.sampled_from([0, 1, 250_000_000, 1_000, 999_999_999, 120_034_000])
MASK_PATHS = st.lists(st.sampled_from(["name", "display_name", "price.currency_code", "a.b_c"]), max_size=3)


def scalar(draw: st.DrawFn, field: FieldDescriptor) -> Any:
    if field.cpp_type == F.CPPTYPE_STRING:
        return draw(st.binary(max_size=5) if field.type == F.TYPE_BYTES else st.text(max_size=5))
    return draw(SCALARS[field.cpp_type])


def fill(draw: st.DrawFn, message: Any, depth: int) -> None:
    """Give a message any content that has a JSON form."""
    match message.DESCRIPTOR.full_name.removeprefix("google.protobuf."):
        case "Timestamp":
            message.seconds, message.nanos = draw(st.integers(-62_135_596_800, 253_402_300_799)), draw(NANOS)
        case "Duration":
            sign = draw(st.sampled_from([1, -1]))
            message.seconds, message.nanos = sign * draw(st.integers(0, 315_576_000_000)), sign * draw(NANOS)
        case "FieldMask":
            message.paths.extend(draw(MASK_PATHS))
        case "Value":
            ParseDict(draw(JSON), message)
        case "ListValue":
            ParseDict(draw(LISTS), message)
        case "Struct":
            ParseDict(draw(TREES), message)
        case "Any":
            name = draw(st.sampled_from(["bookstore.v1.Book", "google.protobuf.Duration", "google.protobuf.BoolValue"]))
            held = GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))()
            fill(draw, held, 1)
            message.Pack(held)
        case _:
            fill_fields(draw, message, depth)


def fill_fields(draw: st.DrawFn, message: Any, depth: int) -> None:
    fields = list(message.DESCRIPTOR.fields)
    for field in draw(st.lists(st.sampled_from(fields), max_size=8, unique_by=id)) if fields else ():
        fill_field(draw, message, field, depth)


def fill_field(draw: st.DrawFn, message: Any, field: FieldDescriptor, depth: int) -> None:
    value, entry = getattr(message, field.name), map_entry(field)
    if field.message_type is not None and depth == 0:
        return
    if entry is not None:
        key, item = scalar(draw, entry.fields_by_name["key"]), entry.fields_by_name["value"]
        if item.message_type is not None:
            fill(draw, value[key], depth - 1)
        else:
            value[key] = scalar(draw, item)
    elif field.message_type is not None:
        target = value.add() if field.is_repeated else value
        target.SetInParent()
        fill(draw, target, depth - 1)
    elif field.is_repeated:
        value.extend(scalar(draw, field) for _ in range(draw(st.integers(0, 3))))
    elif field.name == "nothing":
        message.nothing = 0
    else:
        setattr(message, field.name, scalar(draw, field))


@st.composite
def messages(draw: st.DrawFn, descriptor: Descriptor) -> Message:
    message = GetMessageClass(descriptor)()
    fill_fields(draw, message, 3)
    return message


@pytest.mark.parametrize("with_defaults", [False, True])
@settings(max_examples=300, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_json_equals_that_of_json_format(bookstore: FileDescriptor, with_defaults: bool, data: st.DataObject) -> None:
    message = data.draw(messages(bookstore.message_types_by_name["Kinds"]))
    expected = MessageToDict(message, always_print_fields_with_no_presence=with_defaults)
    assert json.loads(Encoder(with_defaults=with_defaults).encode(message)) == expected


@settings(max_examples=300, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_json_reads_back_as_the_same_message(bookstore: FileDescriptor, data: st.DataObject) -> None:
    message = data.draw(messages(bookstore.message_types_by_name["Kinds"]))
    again = type(message)()
    Decoder().decode(Encoder().encode(message), again)
    assert again.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "{}"),
        ({"a_string": 'ŋ "quoted"\n'}, '{"aString":"ŋ \\"quoted\\"\\n"}'),
        ({"an_int64": 1 << 60, "an_int32": -1}, '{"anInt32":-1,"anInt64":"1152921504606846976"}'),
        ({"a_genre": 1}, '{"aGenre":"GENRE_NOVEL"}'),
        ({"a_genre": 77}, '{"aGenre":77}'),
        ({"a_float": 0.1, "a_double": float("-inf")}, '{"aDouble":"-Infinity","aFloat":0.1}'),
        ({"some_bytes": b"\xff\xfe"}, '{"someBytes":"//4="}'),
        ({"optional_int32": 0}, '{"optionalInt32":0}'),
        ({"renamed": "x", "class": "y"}, '{"a {custom} \\"name\\"":"x","class":"y"}'),
        (
            {"a_timestamp": {"seconds": 1_700_000_000, "nanos": 250_000_000}},
            '{"aTimestamp":"2023-11-14T22:13:20.250Z"}',
        ),
        ({"a_duration": {"nanos": -1}}, '{"aDuration":"-0.000000001s"}'),
        ({"int64_value": {"value": 5}}, '{"int64Value":"5"}'),
        ({"bool_to_double": {True: 1.5}}, '{"boolToDouble":{"true":1.5}}'),
    ],
)
def test_values_have_their_canonical_form(new_message: Callable[..., Any], fields: dict[str, Any], text: str) -> None:
    assert Encoder().text(new_message("Kinds", **fields)) == text


@pytest.mark.parametrize(
    "fields",
    [
        {"a_timestamp": {"seconds": 1 << 50}},
        {"a_duration": {"seconds": 1, "nanos": -1}},
        {"a_value": {"number_value": float("nan")}},
        {"a_mask": {"paths": ["Camel"]}},
        {"an_any": {"type_url": "type.googleapis.com/unknown.Type"}},
    ],
)
def test_message_without_a_json_form_is_refused(new_message: Callable[..., Any], fields: dict[str, Any]) -> None:
    with pytest.raises(EncodeError):
        Encoder().encode(new_message("Kinds", **fields))
