"""The types of events, each a JSON Schema (2020-12) of the body that is sent, in a file of its own with an example.

What types share stands in definitions.json; a schema is handed out with those definitions that it needs, so that it is
whole by itself. The number at the end of a schema's `$id` is its version: it grows when something is added, and
receivers pass over what they do not know.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

PING = "test.ping"
"""The type of the event that tries an endpoint out. Nobody asks for it and nobody publishes it."""


@dataclass(frozen=True)
class EventType:
    """A type of event."""

    name: str
    description: str
    schema_version: int
    schema: Mapping[str, Any]
    """The JSON Schema of the body, whole by itself."""
    example: Mapping[str, Any]
    """A body as it is sent."""


@cache
def event_types() -> Mapping[str, EventType]:
    """Every type, by name."""
    folder = files(__name__)
    definitions = json.loads(folder.joinpath("definitions.json").read_text("utf-8"))
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".json"))
    schemas = [json.loads(folder.joinpath(name).read_text("utf-8")) for name in names if name != "definitions.json"]
    return {schema["title"]: _event_type(schema, definitions) for schema in schemas}


def is_known(name: str) -> bool:
    """Whether there is such a type."""
    return name in event_types()


def _event_type(schema: dict[str, Any], definitions: Mapping[str, Any]) -> EventType:
    needed = {name: definitions[name] for name in sorted(_needed(schema, definitions))}
    return EventType(
        name=schema["title"],
        description=schema["description"],
        schema_version=int(schema["$id"].rpartition(":")[2]),
        schema=schema | {"$defs": needed},
        example=schema["examples"][0],
    )


def _needed(schema: Any, definitions: Mapping[str, Any]) -> set[str]:
    """The names of the definitions that a schema refers to, also by way of others."""
    names = {reference.rpartition("/")[2] for reference in _references(schema)}
    return names.union(*(_needed(definitions[name], definitions) for name in names))


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from _references(part)
