"""Message types → JSON Schema (2020-12, as OpenAPI 3.1 uses it) of their ProtoJSON form."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from .descriptors import is_wrapper, map_entry

Schema = dict[str, Any]

Constraints = Callable[[FieldDescriptor], Schema]
"""A field → keywords of JSON Schema for its value, such as those that its validation rules mean."""


def no_constraints(_field: FieldDescriptor) -> Schema:
    """Say nothing of a field beyond its type."""
    return {}


_SCALARS: Mapping[int, Schema] = {
    FieldDescriptor.CPPTYPE_STRING: {"type": "string"},
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.CPPTYPE_UINT32: {"type": "integer", "format": "int64", "minimum": 0, "maximum": (1 << 32) - 1},
    FieldDescriptor.CPPTYPE_INT64: {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"},
    FieldDescriptor.CPPTYPE_UINT64: {"type": "string", "format": "uint64", "pattern": "^[0-9]+$"},
    FieldDescriptor.CPPTYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.CPPTYPE_FLOAT: {"type": "number", "format": "float"},
}

_WELL_KNOWN: Mapping[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {
        "type": "string",
        "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$",
        "description": 'Seconds, as in "3.5s".',
    },
    "google.protobuf.FieldMask": {"type": "string", "description": 'Field names, as in "price,displayName".'},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Value": {},
    "google.protobuf.Any": {"type": "object", "properties": {"@type": {"type": "string"}}, "required": ["@type"]},
}


def required(field: FieldDescriptor) -> bool:
    """Whether the field is annotated `google.api.field_behavior = REQUIRED`."""
    return field_behavior_pb2.REQUIRED in _behaviors(field)


class Schemas:
    """Collects the component schemas of an OpenAPI document while its operations are written."""

    def __init__(self, comments: Mapping[str, str], constraints: Constraints = no_constraints) -> None:
        self._comments = comments
        self._constraints = constraints
        self._names: dict[Descriptor | EnumDescriptor, str] = {}
        self.components: dict[str, Schema] = {}

    def message(self, descriptor: Descriptor, *, without: Collection[str] = ()) -> Schema:
        """Return the schema of a type: its well-known form, or a reference to its component.

        The component is written when the type is first met, without the proto names in `without`.
        """
        if descriptor.full_name in _WELL_KNOWN:
            return dict(_WELL_KNOWN[descriptor.full_name])
        if is_wrapper(descriptor):
            inner = self._single(descriptor.fields_by_name["value"])
            return {**inner, "type": [inner["type"], "null"]}
        if descriptor not in self._names:
            # Named before it is described, for a type may hold itself.
            name = self._name(descriptor)
            self.components[name] = {}
            self.components[name] = self.object(descriptor, without=without)
        return _reference(self._names[descriptor])

    def part(self, descriptor: Descriptor) -> Schema:
        """Return a reference to the schema of a part of a message, as a change has it: no field is required."""
        name = f"{_key(self.message(descriptor))}-patch"  # as no message can be named
        if name not in self.components:
            self.components[name] = {key: each for key, each in self.object(descriptor).items() if key != "required"}
        return _reference(name)

    def object(self, descriptor: Descriptor, *, without: Collection[str] = ()) -> Schema:
        """Return the schema of a type's fields in place, without the proto names in `without`."""
        fields = [field for field in descriptor.fields if field.name not in without]
        schema: Schema = {"type": "object", "properties": {field.json_name: self.field(field) for field in fields}}
        needed = [field.json_name for field in fields if required(field)]
        if needed:
            schema["required"] = needed
        return self._described(schema, descriptor.full_name)

    def field(self, field: FieldDescriptor) -> Schema:
        """Return the schema of a field's whole value, with its comment."""
        schema = self._described(self._value(field) | self._constraints(field), field.full_name)
        behaviors = _behaviors(field)
        if field_behavior_pb2.OUTPUT_ONLY in behaviors:
            schema["readOnly"] = True
        if field_behavior_pb2.INPUT_ONLY in behaviors:
            schema["writeOnly"] = True
        return schema

    def _value(self, field: FieldDescriptor) -> Schema:
        if not field.is_repeated:
            return self._single(field)
        entry = map_entry(field)
        if entry is not None:
            return {"type": "object", "additionalProperties": self._single(entry.fields_by_name["value"])}
        return {"type": "array", "items": self._single(field)}

    def _single(self, field: FieldDescriptor) -> Schema:
        if field.message_type is not None:
            return self.message(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return {"type": "string", "contentEncoding": "base64"}
        return dict(_SCALARS[field.cpp_type])

    def _enum(self, descriptor: EnumDescriptor) -> Schema:
        if descriptor.full_name == "google.protobuf.NullValue":
            return {"type": "null"}
        if descriptor not in self._names:
            schema: Schema = {"type": "string", "enum": [value.name for value in descriptor.values]}
            schema = self._described(schema, descriptor.full_name)
            meanings = [
                (value.name, self._comments.get(f"{descriptor.full_name}.{value.name}", ""))
                for value in descriptor.values
            ]
            listed = "\n".join(f"- `{name}`: {' '.join(text.split())}" for name, text in meanings if text)
            if listed:
                schema["description"] = f"{schema.get('description', '')}\n\n{listed}".strip()
            self.components[self._name(descriptor)] = schema
        return _reference(self._names[descriptor])

    def _name(self, descriptor: Descriptor | EnumDescriptor) -> str:
        """The short name where it is free, else the full one: two packages may each have a `Store`."""
        full_name: str = descriptor.full_name
        short = full_name.removeprefix(f"{descriptor.file.package}.")
        name = full_name if short in self._names.values() else short
        self._names[descriptor] = name
        return name

    def _described(self, schema: Schema, full_name: str) -> Schema:
        comment = self._comments.get(full_name)
        return {**schema, "description": comment} if comment else schema


def _key(reference: Schema) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _behaviors(field: FieldDescriptor) -> Collection[int]:
    behaviors: Collection[int] = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    return behaviors
