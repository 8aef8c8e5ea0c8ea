"""JSON → messages: what is read, and how a refusal names its place and what was expected."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.transcoding import InvalidRequestError
from gateway.transcoding.decode import MAX_LEVELS, Decoder


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{}", {}),
        ('{"anInt64":"5","an_int32":5}', {"an_int64": 5, "an_int32": 5}),
        ('{"anInt64":5,"aUint64":"18446744073709551615"}', {"an_int64": 5, "a_uint64": (1 << 64) - 1}),
        ('{"anInt32":1.0,"aSint32":-3}', {"an_int32": 1, "a_sint32": -3}),
        ('{"aDouble":"1.5","aFloat":"-Infinity"}', {"a_double": 1.5, "a_float": float("-inf")}),
        ('{"someBytes":"_-8"}', {"some_bytes": b"\xff\xef"}),
        ('{"someBytes":"/+8="}', {"some_bytes": b"\xff\xef"}),
        ('{"aGenre":"GENRE_POETRY","genres":[1,"GENRE_NOVEL"]}', {"a_genre": 2, "genres": [1, 1]}),
        ('{"anAlias":"ALIAS_AGAIN"}', {"an_alias": 1}),
        ('{"aString":null,"aBook":null,"strings":null,"chosenString":null,"chosenInt64":"1"}', {"chosen_int64": 1}),
        ('{"optionalInt32":0}', {"optional_int32": 0}),
        ('{"aTimestamp":"2024-05-01T12:00:00.5+02:00"}', {"a_timestamp": {"seconds": 1714557600, "nanos": 5 * 10**8}}),
        ('{"aDuration":"-3.5s"}', {"a_duration": {"seconds": -3, "nanos": -500_000_000}}),
        ('{"aMask":"displayName,a.bC,low_stock"}', {"a_mask": {"paths": ["display_name", "a.b_c", "low_stock"]}}),
        ('{"stringValue":"","boolValue":false}', {"string_value": {"value": ""}, "bool_value": {"value": False}}),
        ('{"aBook":{}}', {"a_book": {}}),
        ('{"int64ToBool":{"-5":true}}', {"int64_to_bool": {-5: True}}),
        ('{"boolToDouble":{"true":1}}', {"bool_to_double": {True: 1.0}}),
        ('{"aValue":null}', {"a_value": {"null_value": 0}}),
        ('{"a {custom} \\"name\\"":"x","class":"y"}', {"renamed": "x", "class": "y"}),
        ('{"aString":"\\ud83d\\ude00"}', {"a_string": "😀"}),
    ],
)  # fmt: skip
def test_body_is_read_by_the_protojson_mapping(
    new_message: Callable[..., Any], body: str, expected: dict[str, Any]
) -> None:
    message = new_message("Kinds")
    Decoder().decode(body.encode(), message)
    assert message == new_message("Kinds", **expected)


@pytest.mark.parametrize(
    ("body", "field", "description"),
    [
        ("", "", "valid JSON; it breaks at line 1, column 1"),
        ('{"a":', "", "valid JSON; it breaks at line 1, column 6"),
        ("[]", "", "the request body to be a JSON object, got an array"),
        ("null", "", "to be a JSON object, got null"),
        ('{"aDouble":NaN}', "", 'write "NaN" in quotes'),
        ('{"anInt32":' + "1" * 5000 + "}", "", "thousands of digits"),
        ('{"aString":"a","aString":"b"}', "aString", "given twice"),
        ('{"books":[{},{"title":"a","title":"b"}]}', "books[1].title", "given twice"),
        ('{"aString":"a","a_string":"b"}', "a_string", 'expected only one of this and "aString"'),
        ('{"chosenString":"a","chosenInt64":1}', "chosenInt64", 'expected only one of this and "chosenString"'),
        ('{"aStrin":"a"}', "aStrin", 'did you mean "aString"?'),
        ('{"anEmpty":{"x":1}}', "anEmpty.x", "this object has no fields"),
        ('{"aBook":{"zzz":1}}', "aBook.zzz", "the fields are: copies, etag, genre"),
        ('{"aString":5}', "aString", "expected a string, got 5"),
        ('{"aString":"\\ud800"}', "aString", "unpaired surrogate"),
        ('{"aBool":"true"}', "aBool", 'expected true or false, got "true"'),
        ('{"anInt32":true}', "anInt32", "expected an integer from -2147483648 to 2147483647, got true"),
        ('{"anInt32":2147483648}', "anInt32", "got 2147483648"),
        ('{"anInt32":1.5}', "anInt32", "expected an integer"),
        ('{"aUint64":-1}', "aUint64", "expected an integer from 0"),
        ('{"anInt64":" 1"}', "anInt64", "expected an integer"),
        ('{"aDouble":1e999}', "aDouble", "within the field's range"),
        ('{"aFloat":1e39}', "aFloat", "within the field's range"),
        ('{"aDouble":"1,5"}', "aDouble", "expected a number"),
        ('{"aGenre":"NOVEL"}', "aGenre", 'one of "GENRE_UNSPECIFIED", "GENRE_NOVEL", "GENRE_POETRY", got "NOVEL"'),
        ('{"someBytes":"!"}', "someBytes", "expected base64"),
        ('{"aTimestamp":"yesterday"}', "aTimestamp", 'such as "2024-05-01T10:00:00Z", got "yesterday"'),
        ('{"aTimestamp":"2024-02-30T10:00:00Z"}', "aTimestamp", "RFC 3339"),
        ('{"aDuration":"5"}', "aDuration", 'such as "3.5s"'),
        ('{"aMask":"a b"}', "aMask", "expected field names"),
        ('{"strings":"a"}', "strings", "expected an array, got \"a\""),
        ('{"strings":["a",null]}', "strings[1]", "expected a string, got null"),
        ('{"books":[null]}', "books[0]", "got null; leave the item out"),
        ('{"books":[{"price":{"amount":45}}]}', "books[0].price.amount", "expected a string, got 45"),
        ('{"aBook":[]}', "aBook", "expected an object, got an array"),
        ('{"stringToBook":{"a b":{"copies":"x"}}}', 'stringToBook["a b"].copies', "expected an integer"),
        ('{"int64ToBool":{"x":true}}', 'int64ToBool["x"]', "expected an integer"),
        ('{"aStruct":{"a":[{"b":1,"b":2}]}}', "aStruct.a[0].b", "given twice"),
        ('{"anAny":{"@type":"type.googleapis.com/no.Such"}}', "anAny.@type", "a known type"),
        ('{"anAny":{"@type":"x/bookstore.v1.Book","nope":1}}', "anAny.nope", "is no field here"),
    ],
)  # fmt: skip
def test_refusal_names_the_field_and_what_is_expected(
    new_message: Callable[..., Any], body: str, field: str, description: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        Decoder().decode(body.encode(), new_message("Kinds"))
    assert refused.value.field == field
    assert description in refused.value.description


def test_body_that_is_not_utf8_is_refused(new_message: Callable[..., Any]) -> None:
    with pytest.raises(InvalidRequestError, match="expected UTF-8"):
        Decoder().decode(b'{"aString":"\xff"}', new_message("Kinds"))


@pytest.mark.parametrize(
    ("outer", "opening", "closing"),
    [("", '{"inner":', "}"), ('{"aStruct":', '{"a":', "}"), ('{"aValue":', "[", "]"), ('{"aList":', "[", "]")],
)
def test_nesting_stops_before_protobuf_would(
    new_message: Callable[..., Any], outer: str, opening: str, closing: str
) -> None:
    deep = outer + opening * MAX_LEVELS + "{}" + closing * MAX_LEVELS + "}" * bool(outer)
    with pytest.raises(InvalidRequestError, match="nested too deeply"):
        Decoder().decode(deep.encode(), new_message("Kinds"))


@pytest.mark.parametrize("depth", [100_000, 900])
def test_nesting_that_would_exhaust_the_parser_is_refused(new_message: Callable[..., Any], depth: int) -> None:
    body = b'{"aValue":' + b"[" * depth + b"]" * depth + b"}"
    with pytest.raises(InvalidRequestError, match="nested too deeply"):
        Decoder().decode(body, new_message("Kinds"))


def test_deepest_allowed_body_still_fits_on_the_wire(new_message: Callable[..., Any]) -> None:
    depth = MAX_LEVELS - 1
    message = new_message("Kinds")
    Decoder().decode(b'{"aValue":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}", message)
    assert type(message).FromString(message.SerializeToString()) == message
