"""Path variables and query parameters → fields of a request message."""

from typing import Any
from urllib.parse import parse_qsl

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from . import scalars, wellknown
from .bindings import Binding
from .descriptors import descriptor_of, find_field
from .invalid import InvalidRequestError, shown

_MAX_PARAMETERS = 200
_LONGEST_NAME = 128


def apply_path(variables: dict[str, str], binding: Binding, message: Message) -> None:
    """Set the fields that the path binds. The path wins: a body may repeat its value, not contradict it.

    Raises InvalidRequestError for a value that the field cannot hold, and for a contradiction.
    """
    for field_path, text in variables.items():
        fields = find_field(descriptor_of(message), field_path) or ()
        field, owner = fields[-1], _owner(message, fields)
        try:
            value = scalars.text_reader(field)(text)
        except InvalidRequestError as error:
            raise error.within(_json_path(fields)) from None
        given = getattr(owner, field.name)
        is_given = owner.HasField(field.name) if field.has_presence else bool(given)
        if is_given and given != value:
            description = f"expected the value in the path, {shown(value)}, or none; the body gives {shown(given)}"
            raise InvalidRequestError(description, binding.as_written(field_path))
        setattr(owner, field.name, value)


def apply_query(query: bytes, binding: Binding, message: Message) -> None:
    """Set the fields that the query string gives, by proto or JSON names, dotted into nested messages.

    Raises InvalidRequestError for a parameter that is unknown, bound elsewhere, of the wrong type, or given twice
    without being repeated.
    """
    taken: dict[str, str] = {}
    for name, text in _parse(query):
        fields = _find_parameter(name, binding)
        field, owner = fields[-1], _owner(message, fields)
        _claim(taken, fields, name)
        try:
            _set(owner, field, text)
        except InvalidRequestError as error:
            raise error.within(name) from None


def is_parameter(field: FieldDescriptor) -> bool:
    """Whether a field can be one query parameter: a scalar, scalars, or a message whose JSON is a plain value."""
    if field.message_type is None:
        return True
    return not field.is_repeated and wellknown.has_text_form(field.message_type)


def _parse(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS)
    except UnicodeError:
        raise InvalidRequestError("expected the query string in percent-encoded UTF-8") from None
    except ValueError:
        raise InvalidRequestError(f"expected at most {_MAX_PARAMETERS} query parameters") from None


def _find_parameter(name: str, binding: Binding) -> tuple[FieldDescriptor, ...]:
    place = name[:_LONGEST_NAME]
    if not binding.takes_query:
        raise InvalidRequestError("is no query parameter; this method takes its fields in the JSON body", place)
    # A longer name than any schema's is unknown; the bound also keeps a.a.a… from nesting messages without end.
    fields = find_field(binding.rpc.input_type, name) if len(name) <= _LONGEST_NAME else None
    if fields is None:
        raise InvalidRequestError("is no query parameter of this method; remove it or correct its name", place)
    giver = binding.bound_by(".".join(field.name for field in fields))
    if giver is not None:
        raise InvalidRequestError(f"is given by {giver} here; remove it from the query", place)
    if not is_parameter(fields[-1]):
        raise InvalidRequestError("cannot be a query parameter; name a field inside it, as in 'a.b=1'", place)
    return fields


def _claim(taken: dict[str, str], fields: tuple[FieldDescriptor, ...], name: str) -> None:
    path = _json_path(fields)
    if path in taken and not fields[-1].is_repeated:
        raise InvalidRequestError("expected once, got twice; this field is not repeated", name)
    taken[path] = name
    for depth, field in enumerate(fields, 1):
        if field.containing_oneof is not None:
            choice = f"{_json_path(fields[: depth - 1])} oneof {field.containing_oneof.name}"
            earlier = taken.setdefault(choice, field.name)
            if earlier != field.name:
                raise InvalidRequestError(f"expected only one of this and '{earlier}'", name)


def _set(owner: Any, field: FieldDescriptor, text: str) -> None:
    if field.message_type is not None:
        inner = getattr(owner, field.name)
        inner.SetInParent()
        wellknown.fill_from_text(text, inner)
    elif field.is_repeated:
        getattr(owner, field.name).append(scalars.text_reader(field)(text))
    else:
        setattr(owner, field.name, scalars.text_reader(field)(text))


def _owner(message: Any, fields: tuple[FieldDescriptor, ...]) -> Any:
    for field in fields[:-1]:
        message = getattr(message, field.name)
    return message


def _json_path(fields: tuple[FieldDescriptor, ...]) -> str:
    return ".".join(field.json_name for field in fields)
