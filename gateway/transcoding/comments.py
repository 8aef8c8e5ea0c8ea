"""The comments of .proto files, by the full name of what they stand at."""

import re
from collections.abc import Iterator, Mapping, Sequence

from google.protobuf import descriptor_pb2

Path = tuple[int, ...]

_MESSAGE, _ENUM, _SERVICE = 4, 5, 6  # field numbers in FileDescriptorProto
_SENTENCE = re.compile(r"(.+?[.!?])(?:\s+|$)(?=[A-Z]|$)", re.DOTALL)
_SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+")

_FIELD, _NESTED_MESSAGE, _NESTED_ENUM = 2, 3, 4  # in DescriptorProto
_VALUE = _METHOD = 2  # in EnumDescriptorProto and in ServiceDescriptorProto


def read_comments(files: descriptor_pb2.FileDescriptorSet) -> Mapping[str, str]:
    """Return full name → comment for what carries one. The set must hold source info (`protoc
    --include_source_info`), else nothing is found. The leading comment is taken, or the trailing one.

    Fields that comments name (`page_size`) are given their JSON names, as all else in JSON has them.
    """
    comments: dict[str, str] = {}
    json_names = dict(_json_names(files))
    for file in files.file:
        names = dict(_names(file))
        for location in file.source_code_info.location:
            name = names.get(tuple(location.path))
            text = location.leading_comments or location.trailing_comments
            if name is not None and text:
                lines = "\n".join(line.strip() for line in text.strip().splitlines())
                comments[name] = _SNAKE_CASE.sub(lambda word: json_names.get(word[0], word[0]), lines)
    return comments


def split_comment(comment: str) -> tuple[str, str]:
    """Return a comment's first sentence, on one line and without its full stop, and what follows it."""
    first, _, rest = comment.partition("\n\n")
    sentence = _SENTENCE.match(first)
    end = sentence.end() if sentence else len(first)
    summary = " ".join(first[:end].split())
    return summary.removesuffix("."), "\n\n".join(filter(None, (first[end:].strip(), rest.strip())))


def _json_names(files: descriptor_pb2.FileDescriptorSet) -> Iterator[tuple[str, str]]:
    stack = [message for file in files.file for message in file.message_type]
    while stack:
        message = stack.pop()
        stack.extend(message.nested_type)
        for field in message.field:
            if "_" in field.name:
                yield field.name, field.json_name


def _names(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[Path, str]]:
    prefix = f"{file.package}." if file.package else ""
    yield from _message_names(file.message_type, (_MESSAGE,), prefix)
    yield from _enum_names(file.enum_type, (_ENUM,), prefix)
    for index, service in enumerate(file.service):
        yield (_SERVICE, index), f"{prefix}{service.name}"
        for position, method in enumerate(service.method):
            yield (_SERVICE, index, _METHOD, position), f"{prefix}{service.name}.{method.name}"


def _message_names(
    messages: Sequence[descriptor_pb2.DescriptorProto], place: Path, prefix: str
) -> Iterator[tuple[Path, str]]:
    for index, message in enumerate(messages):
        here, name = (*place, index), f"{prefix}{message.name}"
        yield here, name
        for position, field in enumerate(message.field):
            yield (*here, _FIELD, position), f"{name}.{field.name}"
        yield from _message_names(message.nested_type, (*here, _NESTED_MESSAGE), f"{name}.")
        yield from _enum_names(message.enum_type, (*here, _NESTED_ENUM), f"{name}.")


def _enum_names(
    enums: Sequence[descriptor_pb2.EnumDescriptorProto], place: Path, prefix: str
) -> Iterator[tuple[Path, str]]:
    for index, enum in enumerate(enums):
        yield (*place, index), f"{prefix}{enum.name}"
        for position, value in enumerate(enum.value):
            yield (*place, index, _VALUE, position), f"{prefix}{enum.name}.{value.name}"
