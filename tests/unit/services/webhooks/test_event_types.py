"""The schemas of events: sound, whole by themselves, and of what the services really publish."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import MessageToDict
from jsonschema import Draft202012Validator
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from services.keys.events import PUBLISHED
from services.webhooks.convert import event_type_message
from services.webhooks.event_types import PING, event_types

TYPES = [pytest.param(each, id=each.name) for each in event_types().values()]


def test_there_is_a_schema_for_every_type_that_is_published() -> None:
    products = {f"product.{word}" for word in ("created", "updated", "deleted")}
    assert set(event_types()) == products | PUBLISHED | {PING}


@pytest.mark.parametrize("event_type", TYPES)
def test_a_schema_is_sound_and_its_example_is_valid(event_type: Any) -> None:
    Draft202012Validator.check_schema(event_type.schema)
    validator = Draft202012Validator(strict(event_type.schema))
    validator.validate(event_type.example)
    assert event_type.example["type"] == event_type.name
    assert event_type.schema["$id"] == f"urn:sedifex:events:{event_type.name}:{event_type.schema_version}"


@pytest.mark.parametrize("event_type", TYPES)
def test_a_schema_refuses_what_is_of_another_type_or_lacks_something(event_type: Any) -> None:
    validator = Draft202012Validator(event_type.schema)
    for broken in (
        {**event_type.example, "type": "product.exploded"},
        {**event_type.example, "data": {}},
        {**event_type.example, "id": "evt_1"},
        {name: value for name, value in event_type.example.items() if name != "sequence"},
    ):
        assert not validator.is_valid(broken)


@pytest.mark.parametrize("event_type", TYPES)
def test_what_receivers_do_not_know_is_allowed(event_type: Any) -> None:
    later = {**event_type.example, "livemode": True, "data": {**event_type.example["data"], "why": "because"}}
    assert Draft202012Validator(event_type.schema).is_valid(later)


@pytest.mark.parametrize(
    ("name", "message", "never"),
    [
        ("product", catalog_pb2.Product.DESCRIPTOR, {"deleteTime"}),
        ("productImage", catalog_pb2.ProductImage.DESCRIPTOR, set()),
        ("money", catalog_pb2.Money.DESCRIPTOR, set()),
        ("key", keys_pb2.Key.DESCRIPTOR, {"dailyUses"}),
        ("keySecret", keys_pb2.Key.Secret.DESCRIPTOR, set()),
    ],
)
def test_a_definition_has_the_fields_of_the_message(name: str, message: Descriptor, never: set[str]) -> None:
    definitions: dict[str, Any] = {}
    for event_type in event_types().values():
        definitions |= event_type.schema["$defs"]
    assert set(definitions[name]["properties"]) == {field.json_name for field in message.fields} - never


def test_the_contract_takes_the_types_that_there_are() -> None:
    """The lists in the contract's rules name those that can be asked for: all but the test."""
    rules = str(webhooks_pb2.Event.DESCRIPTOR.fields_by_name["type"].GetOptions())
    assert all(f'"{name}"' in rules for name in event_types() if name != PING)
    assert PING not in rules


@pytest.mark.parametrize("event_type", TYPES)
def test_a_type_survives_the_way_through_the_api(event_type: Any) -> None:
    shown = MessageToDict(event_type_message(event_type))
    assert shown["schema"] == json.loads(json.dumps(event_type.schema))
    assert shown["example"] == json.loads(json.dumps(event_type.example))


def strict(schema: Any) -> Any:
    """The schema, refusing what it does not name: for our own bodies, of which it must name everything."""
    if isinstance(schema, Mapping):
        closed = {name: strict(value) for name, value in schema.items()}
        return closed | {"additionalProperties": False} if "properties" in schema and "type" in schema else closed
    return [strict(each) for each in schema] if isinstance(schema, list) else schema
