"""The validation rules of the contract (protovalidate) as keywords of JSON Schema."""

from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import FieldDescriptor

Schema = dict[str, Any]

_FORMATS = {"uri": "uri", "email": "email", "hostname": "hostname", "uuid": "uuid", "ipv4": "ipv4", "ipv6": "ipv6"}
_RE2_ONLY = ("(?", r"\p", r"\z", r"\A")
"""What RE2 knows and the regular expressions of JSON Schema (ECMA-262) do not."""
_INTEGERS = frozenset({FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32})


def constraints(field: FieldDescriptor) -> Schema:
    """What the rules of a field mean for its JSON value. Rules that JSON Schema has no word for are left out."""
    rules = field.GetOptions().Extensions[validate_pb2.field]
    if field.is_repeated:
        return _repeated(field, rules)
    # Where zero is let through whatever the rules say, "" must fit the schema as well.
    return _single(field, rules, may_be_empty=rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE)


def _repeated(field: FieldDescriptor, rules: Any) -> Schema:
    if not rules.HasField("repeated"):
        return {}
    found: Schema = {}
    for name, keyword in (("min_items", "minItems"), ("max_items", "maxItems")):
        if rules.repeated.HasField(name):
            found[keyword] = getattr(rules.repeated, name)
    if rules.repeated.unique:
        found["uniqueItems"] = True
    inner = _single(field, rules.repeated.items, may_be_empty=False)
    if inner and field.message_type is None and field.enum_type is None:
        found["items"] = {"type": "string" if field.type == FieldDescriptor.TYPE_STRING else "integer"} | inner
    return found


def _single(field: FieldDescriptor, rules: Any, *, may_be_empty: bool) -> Schema:
    kind = rules.WhichOneof("type")
    if kind == "string" and field.type == FieldDescriptor.TYPE_STRING:
        return _string(rules.string, may_be_empty=may_be_empty)
    if kind is not None and field.cpp_type in _INTEGERS and field.enum_type is None:
        return _integer(getattr(rules, kind))
    return {}


def _string(rules: Any, *, may_be_empty: bool) -> Schema:
    found: Schema = {}
    if rules.HasField("max_len"):
        found["maxLength"] = rules.max_len
    if rules.HasField("min_len") and not may_be_empty:
        found["minLength"] = rules.min_len
    pattern = rules.pattern
    if pattern and not any(each in pattern for each in _RE2_ONLY):
        found["pattern"] = f"^$|{pattern}" if may_be_empty else pattern
    form = _FORMATS.get(rules.WhichOneof("well_known") or "")
    if form and not may_be_empty:
        found["format"] = form
    choices = list(getattr(rules, "in"))
    if choices:
        found["enum"] = ["", *choices] if may_be_empty else choices
    if rules.example:
        found["examples"] = list(rules.example)
    return found


def _integer(rules: Any) -> Schema:
    names = (("gte", "minimum"), ("lte", "maximum"), ("gt", "exclusiveMinimum"), ("lt", "exclusiveMaximum"))
    found: Schema = {keyword: getattr(rules, name) for name, keyword in names if rules.HasField(name)}
    return found | ({"examples": list(rules.example)} if rules.example else {})
