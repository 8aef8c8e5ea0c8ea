"""The API reference as pages, out of the contract: its methods, messages and comments, and who may call."""

from collections.abc import Iterator, Mapping
from importlib.resources import files

from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FieldDescriptor,
    FileDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2, imports_pb2
from sedifex.keys.v1 import keys_pb2, members_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from gateway.transcoding.comments import read_comments

FILES: tuple[FileDescriptor, ...] = (
    catalog_pb2.DESCRIPTOR,
    imports_pb2.DESCRIPTOR,
    keys_pb2.DESCRIPTOR,
    members_pb2.DESCRIPTOR,
    webhooks_pb2.DESCRIPTOR,
)

_SCALARS = {
    FieldDescriptor.TYPE_BOOL: "true or false",
    FieldDescriptor.TYPE_BYTES: "bytes in base 64",
    FieldDescriptor.TYPE_DOUBLE: "number",
    FieldDescriptor.TYPE_INT32: "whole number",
    FieldDescriptor.TYPE_INT64: "whole number, as text",
    FieldDescriptor.TYPE_STRING: "text",
}
_WELL_KNOWN = {
    "google.protobuf.Timestamp": 'time, "2026-03-02T09:30:12.345Z"',
    "google.protobuf.Duration": 'duration, "3600s"',
    "google.protobuf.FieldMask": 'names of fields, "price,stock"',
    "google.protobuf.Struct": "object",
}
_CALLERS = {
    access_pb2.AUDIENCE_PUBLIC: "anybody",
    access_pb2.AUDIENCE_INTEGRATION: "an API key with `{scope}`",
    access_pb2.AUDIENCE_MEMBER: "a member of the shop, from {role} up",
    access_pb2.AUDIENCE_OPERATOR: "an operator",
    access_pb2.AUDIENCE_SERVICE: "Sedifex's own services",
}


def pages() -> Iterator[tuple[str, str]]:
    """The name and the text of each page."""
    contract = FileDescriptorSet.FromString(files("sedifex").joinpath("descriptors.binpb").read_bytes())
    comments = read_comments(contract)
    for file in FILES:
        yield page_name(file), "\n\n".join(_page(file, comments)) + "\n"


def page_name(file: FileDescriptor) -> str:
    """The page on which a file of the contract is described: "keys" for sedifex/keys/v1/keys.proto."""
    return file.name.rsplit("/", 1)[1].removesuffix(".proto")


def _page(file: FileDescriptor, comments: Mapping[str, str]) -> Iterator[str]:
    for service in file.services_by_name.values():
        yield f"# {service.name.removesuffix('Service')}"
        yield _text(comments.get(service.full_name, ""))
        yield f"Over gRPC: `{service.full_name}`. Fields are named here as in JSON."
        yield from _methods(service, comments)
    yield "## Types"
    for message in file.message_types_by_name.values():
        if message.full_name in _held(file) or not message.name.endswith(("Request", "Response")):
            yield from _message(message, comments)
        else:  # described with its method; what it defines is not
            yield from _nested(message, comments)
    for enum in file.enum_types_by_name.values():
        yield _enum(enum, comments)


def _methods(service: ServiceDescriptor, comments: Mapping[str, str]) -> Iterator[str]:
    for method in service.methods:
        yield f"## {method.name}"
        routes = [f"{verb} {path}" for verb, path in _routes(method)]
        yield "```text\n" + "\n".join(routes or ["gRPC only"]) + "\n```"
        yield _text(comments.get(method.full_name, ""))
        yield f"May be called by: {_callers(method)}."
        yield from _fields("Request", method.input_type, comments)
        yield from _fields("Answer", method.output_type, comments)


def _routes(method: MethodDescriptor) -> Iterator[tuple[str, str]]:
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    for each in (rule, *rule.additional_bindings):
        verb = each.WhichOneof("pattern")
        if verb is not None:
            yield verb.upper(), getattr(each, verb)


def _callers(method: MethodDescriptor) -> str:
    rule = method.GetOptions().Extensions[access_pb2.rule]
    role = access_pb2.Role.Name(rule.member_role).removeprefix("ROLE_").lower()
    return "; ".join(_CALLERS[each].format(scope=rule.scope, role=role) for each in rule.audiences)


def _message(message: Descriptor, comments: Mapping[str, str]) -> Iterator[str]:
    yield f"### {_title(message)}"
    yield _text(comments.get(message.full_name, ""))
    yield from _fields("", message, comments)
    yield from _nested(message, comments)


def _held(file: FileDescriptor) -> set[str]:
    """The messages that are fields of others."""
    fields = [field for message in file.message_types_by_name.values() for field in message.fields]
    return {field.message_type.full_name for field in fields if field.message_type is not None}


def _nested(message: Descriptor, comments: Mapping[str, str]) -> Iterator[str]:
    for nested in message.nested_types:
        if not nested.GetOptions().map_entry:
            yield from _message(nested, comments)
    for enum in message.enum_types:
        yield _enum(enum, comments)


def _fields(title: str, message: Descriptor, comments: Mapping[str, str]) -> Iterator[str]:
    if title:
        yield f"**{title}**" + ("" if message.fields else ": nothing in it.")
    if message.fields:
        rows = [f"| `{each.json_name}` | {_type(each)} | {_meaning(each, comments)} |" for each in message.fields]
        yield "\n".join(["| field | type | meaning |", "| --- | --- | --- |", *rows])


def _enum(enum: EnumDescriptor, comments: Mapping[str, str]) -> str:
    rows = [f"| `{each.name}` | {_cell(comments.get(_value_name(enum, each.name), ''))} |" for each in enum.values]
    title, meaning = f"### {_title(enum)}", _text(comments.get(enum.full_name, ""))
    return "\n\n".join([title, meaning, "\n".join(["| value | meaning |", "| --- | --- |", *rows])])


def _value_name(enum: EnumDescriptor, value: str) -> str:
    return f"{enum.full_name}.{value}"


def _title(described: Descriptor | EnumDescriptor) -> str:
    """The name within its package: "Key.State"."""
    return str(described.full_name.removeprefix(f"{described.file.package}."))


def _type(field: FieldDescriptor) -> str:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return "object of texts"
    kind = _element(field)
    return f"list of {kind}" if field.is_repeated else kind


def _element(field: FieldDescriptor) -> str:
    described = field.message_type or field.enum_type
    if described is None:
        return _SCALARS[field.type]
    if described.full_name in _WELL_KNOWN:
        return _WELL_KNOWN[described.full_name]
    if described.file not in FILES:
        return f"`{described.full_name}`"
    return f"[{_title(described)}]({page_name(described.file)}.md#{_title(described).lower().replace('.', '-')})"


def _meaning(field: FieldDescriptor, comments: Mapping[str, str]) -> str:
    behaviours = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    required = "Needed. " if field_behavior_pb2.REQUIRED in behaviours else ""
    set_by_us = "Set by Sedifex. " if field_behavior_pb2.OUTPUT_ONLY in behaviours else ""
    return required + set_by_us + _cell(comments.get(field.full_name, ""))


def _text(comment: str) -> str:
    return comment.replace("<", "&lt;").replace("*", "\\*")


def _cell(comment: str) -> str:
    return _text(" ".join(comment.split())).replace("|", "\\|")
