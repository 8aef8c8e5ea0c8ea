"""JSON bodies → messages by the ProtoJSON mapping, strictly, with one table of fields compiled per message type.

Strict means: what the schema does not know, or what could be read in two ways, is refused with its place and with
what is expected there. https://protobuf.dev/programming-guides/json/
"""

import difflib
import json
from collections.abc import Callable
from typing import Any, NoReturn

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from . import scalars, wellknown
from .descriptors import descriptor_of, map_entry
from .invalid import InvalidRequestError, shown
from .wellknown import Fill, RepeatedNames, items, members

MAX_LEVELS = 32
"""Objects and arrays within each other. Protobuf stops at 100 nested messages, and one JSON level of a Struct takes
three of them."""

_LONGEST_COMPARED_NAME = 64


class Decoder:
    """Fills messages from JSON. One instance keeps the compiled tables of all types that it has met."""

    def __init__(self) -> None:
        self._fillers: dict[Descriptor, Fill] = {}

    def decode(self, body: bytes, message: Message, field: FieldDescriptor | None = None) -> None:
        """Fill a message from a JSON object, or, with `field`, one of its fields from the JSON value of that field.

        Raises InvalidRequestError. The message is then partly filled and of no use.
        """
        value = parse_json(body)
        if field is None:
            if not isinstance(value, dict):
                raise InvalidRequestError(f"expected the request body to be a JSON object, got {shown(value)}")
            self.filler(descriptor_of(message))(value, message, MAX_LEVELS)
        elif value is not None:
            self._member(field)(value, message, MAX_LEVELS)

    def filler(self, descriptor: Descriptor) -> Fill:
        """Return what fills messages of a type, compiling it on first use."""
        found = self._fillers.get(descriptor) or wellknown.find_filler(descriptor)
        if found is None and descriptor.full_name == "google.protobuf.Any":
            found = self._fill_any
        if found is not None:
            self._fillers[descriptor] = found
            return found
        table: dict[str, tuple[FieldDescriptor, Fill]] = {}

        def fill(value: object, message: Any, levels: int) -> None:
            if not table:
                # On first use and not above: a type may hold itself.
                table.update(self._table(descriptor))
            _fill_fields(table, members(value, levels), message, levels)

        self._fillers[descriptor] = fill
        return fill

    def _table(self, descriptor: Descriptor) -> dict[str, tuple[FieldDescriptor, Fill]]:
        entries = [(field, self._member(field)) for field in descriptor.fields]
        by_proto_name = {entry[0].name: entry for entry in entries}
        # A JSON name wins where it is also the proto name of another field.
        return by_proto_name | {entry[0].json_name: entry for entry in entries}

    def _member(self, field: FieldDescriptor) -> Fill:
        """Return what sets one field of a message from the field's JSON value, which is not null."""
        if not field.is_repeated:
            if field.message_type is None:
                return _scalar(field.name, scalars.reader(field))
            return _message(field.name, self.filler(field.message_type))
        if field.message_type is None:
            return _scalars(field.name, scalars.reader(field))
        entry = map_entry(field)
        if entry is not None:
            return self._map(field.name, entry)
        return _messages(field.name, self.filler(field.message_type), takes_null=_takes_null(field))

    def _map(self, name: str, entry: Descriptor) -> Fill:
        read_key = scalars.text_reader(entry.fields_by_name["key"])
        value_field = entry.fields_by_name["value"]
        if value_field.message_type is not None:
            return _message_map(name, read_key, self.filler(value_field.message_type))
        return _scalar_map(name, read_key, scalars.reader(value_field))

    def _fill_any(self, value: object, message: Any, levels: int) -> None:
        fields = members(value, levels)
        if not fields:
            return
        url = fields.get("@type")
        try:
            held = message.DESCRIPTOR.file.pool.FindMessageTypeByName(str(url).rpartition("/")[2])
        except KeyError:
            raise InvalidRequestError(f"expected the address of a known type, got {shown(url)}", "@type") from None
        inner = GetMessageClass(held)()
        rest = {name: item for name, item in fields.items() if name != "@type"}
        own_form = wellknown.find_filler(held) is not None or held.full_name == "google.protobuf.Any"
        if own_form and set(rest) != {"value"}:
            raise InvalidRequestError('expected exactly "@type" and "value"')
        self.filler(held)(rest["value"] if own_form else rest, inner, levels - 1)
        message.type_url, message.value = url, inner.SerializeToString()


def parse_json(body: bytes) -> Any:
    """Parse UTF-8 JSON by RFC 8259. Raises InvalidRequestError; names given twice are marked, see RepeatedNames."""
    try:
        return json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise InvalidRequestError(f"expected UTF-8, got another encoding at byte {error.start}") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InvalidRequestError(f"expected valid JSON; it breaks at {place}: {error.msg}") from None
    except RecursionError:
        raise InvalidRequestError("expected a flatter document; objects and arrays are nested too deeply") from None
    except InvalidRequestError:
        raise
    except ValueError:
        raise InvalidRequestError("expected numbers of a sensible length; one has thousands of digits") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else RepeatedNames(pairs)


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidRequestError(f'expected valid JSON; {name} is none, write "{name}" in quotes')


def _fill_fields(
    table: dict[str, tuple[FieldDescriptor, Fill]], values: dict[str, Any], message: Any, levels: int
) -> None:
    taken: dict[str, str] = {}
    for name, value in values.items():
        entry = table.get(name)
        if entry is None:
            raise InvalidRequestError(f"is no field here{_suggestion(name, table)}", name[:_LONGEST_COMPARED_NAME])
        field, fill = entry
        _claim(taken, field.name, name)
        if value is None and not _takes_null(field):
            continue
        if field.containing_oneof is not None:
            _claim(taken, f"oneof {field.containing_oneof.name}", name)
        try:
            fill(value, message, levels - 1)
        except InvalidRequestError as error:
            raise error.within(field.json_name) from None


def _claim(taken: dict[str, str], place: str, name: str) -> None:
    earlier = taken.setdefault(place, name)
    if earlier is not name:
        raise InvalidRequestError(f'expected only one of this and "{earlier}"', name)


def _suggestion(name: str, table: dict[str, Any]) -> str:
    known = sorted({entry[0].json_name for entry in table.values()})
    if len(name) <= _LONGEST_COMPARED_NAME:
        close = difflib.get_close_matches(name, known, n=1)
        if close:
            return f'; did you mean "{close[0]}"?'
    return f"; the fields are: {', '.join(known)}" if known else "; this object has no fields"


def _takes_null(field: FieldDescriptor) -> bool:
    """Whether null is a value of the field's type; for all others it means that the field is not given."""
    if field.message_type is not None:
        return field.message_type.full_name == "google.protobuf.Value"
    return field.enum_type is not None and field.enum_type.full_name == "google.protobuf.NullValue"


def _scalar(name: str, read: scalars.Read) -> Fill:
    def fill(value: object, message: Any, _levels: int) -> None:
        setattr(message, name, read(value))

    return fill


def _scalars(name: str, read: scalars.Read) -> Fill:
    def fill(value: object, message: Any, levels: int) -> None:
        add = getattr(message, name).append
        for index, item in enumerate(items(value, levels)):
            try:
                add(read(item))
            except InvalidRequestError as error:
                raise error.within(f"[{index}]") from None

    return fill


def _message(name: str, fill_inner: Fill) -> Fill:
    def fill(value: object, message: Any, levels: int) -> None:
        inner = getattr(message, name)
        inner.SetInParent()
        fill_inner(value, inner, levels)

    return fill


def _refuse_null(_value: object, _message: Any, _levels: int) -> NoReturn:
    raise InvalidRequestError("expected a value, got null; leave the item out")


def _messages(name: str, fill_inner: Fill, *, takes_null: bool) -> Fill:
    fill_null = fill_inner if takes_null else _refuse_null

    def fill(value: object, message: Any, levels: int) -> None:
        add = getattr(message, name).add
        for index, item in enumerate(items(value, levels)):
            try:
                (fill_null if item is None else fill_inner)(item, add(), levels - 1)
            except InvalidRequestError as error:
                raise error.within(f"[{index}]") from None

    return fill


def _scalar_map(name: str, read_key: Callable[[str], Any], read: scalars.Read) -> Fill:
    def put(container: Any, key: Any, value: object, _levels: int) -> None:
        container[key] = read(value)

    return _map_filler(name, read_key, put)


def _message_map(name: str, read_key: Callable[[str], Any], fill_inner: Fill) -> Fill:
    def put(container: Any, key: Any, value: object, levels: int) -> None:
        fill_inner(value, container[key], levels)

    return _map_filler(name, read_key, put)


def _map_filler(name: str, read_key: Callable[[str], Any], put: Callable[[Any, Any, object, int], None]) -> Fill:
    def fill(value: object, message: Any, levels: int) -> None:
        container = getattr(message, name)
        for key, item in members(value, levels).items():
            try:
                put(container, read_key(key), item, levels - 1)
            except InvalidRequestError as error:
                raise error.within(f'["{key[:_LONGEST_COMPARED_NAME]}"]') from None

    return fill
