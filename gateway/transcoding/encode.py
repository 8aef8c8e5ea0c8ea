"""Messages → JSON by the ProtoJSON mapping, with one function compiled per message type.

What the type decides (names, order, presence, the form of each value) is decided once, when the type is first met:
its writer is generated as Python source, as `dataclasses` does it, and compiled. Closures composed per field were
measured at twice the time. The text equals what `google.protobuf.json_format` gives
(https://protobuf.dev/programming-guides/json/), except that proto2 extensions are not shown.
"""

import keyword
from collections.abc import Callable, Collection
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from . import values
from .descriptors import descriptor_of, is_wrapper, map_entry
from .values import EncodeError, Text, quoted

_Expression = Callable[[str], str]
"""The source of a value's expression → the source of the expression for its JSON text."""

_FLOATS = frozenset({FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT})

_SCALARS: dict[int, _Expression] = {
    FieldDescriptor.CPPTYPE_STRING: "quoted({})".format,
    FieldDescriptor.CPPTYPE_BOOL: "('true' if {} else 'false')".format,
    FieldDescriptor.CPPTYPE_INT32: "f'{{{}}}'".format,
    FieldDescriptor.CPPTYPE_UINT32: "f'{{{}}}'".format,
    FieldDescriptor.CPPTYPE_INT64: """f'"{{{}}}"'""".format,
    FieldDescriptor.CPPTYPE_UINT64: """f'"{{{}}}"'""".format,
    FieldDescriptor.CPPTYPE_DOUBLE: "double_text({})".format,
    FieldDescriptor.CPPTYPE_FLOAT: "float_text({})".format,
}

_MAP_KEYS: dict[int, _Expression] = {
    FieldDescriptor.CPPTYPE_STRING: "quoted({})".format,
    FieldDescriptor.CPPTYPE_BOOL: """('"true"' if {} else '"false"')""".format,
}

_FUNCTION = """def {name}(m):
    parts = []
    add = parts.append
{statements}
    return '{{' + ','.join(parts) + '}}'
"""


class Encoder:
    """Writes messages as JSON.

    `with_defaults` also writes scalars without presence, lists and maps that hold their default (off: they are
    omitted, as ProtoJSON does by default).
    """

    def __init__(self, *, with_defaults: bool = False) -> None:
        self._with_defaults = with_defaults
        self._writers: dict[Descriptor, Text] = {}

    def encode(self, message: Message) -> bytes:
        """Return the message as UTF-8 JSON. Raises EncodeError where it has no JSON form."""
        return self.text(message).encode()

    def text(self, message: Message) -> str:
        """Return the message as JSON text. Raises EncodeError where it has no JSON form."""
        return self.writer(descriptor_of(message))(message)

    def writer(self, descriptor: Descriptor, *, without: Collection[str] = ()) -> Text:
        """Return the writer for messages of a type, compiling it on first use; `without` has the names of fields that
        it leaves out, and makes a writer of its own.
        """
        if without:
            return self._compiler().message_writer(descriptor, without)
        found = self._writers.get(descriptor)
        if found is None:
            found = self._writers[descriptor] = self._compiler().message_writer(descriptor)
        return found

    def field_writer(self, field: FieldDescriptor) -> Text:
        """Return the writer for the whole value of one field, as `response_body` needs it."""
        return self._compiler().value_writer(field)

    def _compiler(self) -> "_Compiler":
        return _Compiler(self.text, with_defaults=self._with_defaults)


class _Compiler:
    """Generates the writers of one type and of all types within it; they call each other through one namespace.

    Only identifiers of a descriptor and literals made by repr() enter the source, so no name can become code.
    """

    def __init__(self, write_any: Callable[[Message], str], *, with_defaults: bool) -> None:
        self._with_defaults = with_defaults
        self._write_any = write_any
        self._names: dict[Descriptor, str] = {}
        self._namespace: dict[str, Any] = {
            "quoted": quoted,
            "bytes_text": values.bytes_text,
            "double_text": values.double_text,
            "float_text": values.float_text,
            "is_minus_zero": values.is_minus_zero,
        }

    def message_writer(self, descriptor: Descriptor, without: Collection[str] = ()) -> Text:
        writer: Text = self._namespace[self._message(descriptor, without)]
        return writer

    def value_writer(self, field: FieldDescriptor) -> Text:
        self._define("value", f"value = lambda v: {self._value(field)('v')}")
        writer: Text = self._namespace["value"]
        return writer

    def _message(self, descriptor: Descriptor, without: Collection[str] = ()) -> str:
        """Return the name under which the namespace holds, or will hold, the writer of a type."""
        name = self._names.get(descriptor)
        if name is not None:
            return name
        # Named before its fields are read, for a type may hold itself.
        name = self._names[descriptor] = f"write_{len(self._names)}"
        own_form = self._own_form(descriptor)
        if own_form is not None:
            self._namespace[name] = own_form
        else:
            fields = [field for field in descriptor.fields if field.name not in without]
            statements = "\n".join(f"    {self._statement(field)}" for field in fields)
            self._define(descriptor.full_name, _FUNCTION.format(name=name, statements=statements))
        return name

    def _define(self, title: str, source: str) -> None:
        exec(compile(source, f"<json writer of {title}>", "exec"), self._namespace)  # noqa: S102 - see the class

    def _own_form(self, descriptor: Descriptor) -> Text | None:
        if is_wrapper(descriptor):
            inner = self.value_writer(descriptor.fields_by_name["value"])
            return lambda message: inner(message.value)
        if descriptor.full_name == "google.protobuf.Any":
            return lambda message: values.any_text(message, self._write_any)
        return values.WELL_KNOWN.get(descriptor.full_name)

    def _statement(self, field: FieldDescriptor) -> str:
        """The line of source that adds one field to the object, or not."""
        get = f"getattr(m, '{field.name}')" if keyword.iskeyword(field.name) else f"m.{field.name}"
        prefix = repr(f"{quoted(field.json_name)}:")
        add = f"add({prefix} + {self._value(field)('v')})"
        if field.has_presence:
            return f"if m.HasField('{field.name}'): v = {get}; {add}"
        if self._with_defaults:
            return f"v = {get}; {add}"
        if field.cpp_type in _FLOATS and not field.is_repeated:
            # Minus zero is falsy, yet it is not the default: on the wire it has a bit set.
            return f"if (v := {get}) or is_minus_zero(v): {add}"
        return f"if v := {get}: {add}"

    def _value(self, field: FieldDescriptor) -> _Expression:
        """The expression for a field's whole value: a list or a map where it is one."""
        if not field.is_repeated:
            return self._single(field)
        entry_type = map_entry(field)
        if entry_type is not None:
            key, value = entry_type.fields_by_name["key"], entry_type.fields_by_name["value"]
            key_text = _MAP_KEYS.get(key.cpp_type, _SCALARS[FieldDescriptor.CPPTYPE_INT64])("k")
            entry = f"{key_text} + ':' + {self._single(value)('c[k]')}"
            # A function of its own, so that the map is fetched once, not once for each entry.
            return lambda source: f"(lambda c: '{{' + ','.join([{entry} for k in c]) + '}}')({source})"
        item = self._single(field)("i")
        return lambda source: f"'[' + ','.join([{item} for i in {source}]) + ']'"

    def _single(self, field: FieldDescriptor) -> _Expression:
        if field.message_type is not None:
            return f"{self._message(field.message_type)}({{}})".format
        if field.enum_type is not None:
            name = f"enum_{len(self._namespace)}"
            self._namespace[name] = values.enum_text(field.enum_type)
            return f"{name}({{}})".format
        if field.type == FieldDescriptor.TYPE_BYTES:
            return "bytes_text({})".format
        return _SCALARS[field.cpp_type]


__all__ = ["EncodeError", "Encoder", "Text"]
