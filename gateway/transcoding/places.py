"""Names of fields in a service's errors, as the caller of a binding has written them.

A service names a field by its place in the request (`product.price.amount`, `page_size`); over REST the body may
be that `product`, and names are JSON names.
"""

import re
from collections.abc import Callable

from google.protobuf.any_pb2 import Any
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.rpc import error_details_pb2

from .descriptors import map_entry

Rename = Callable[[str], str]

_STEP = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)((?:\[[^\]]*\])*)")
_LONGEST = 500
_BAD_REQUEST = error_details_pb2.BadRequest.DESCRIPTOR.full_name


def as_written(place: str, message: Descriptor, body_field: FieldDescriptor | None) -> str:
    """Return a place in a request message as the caller wrote it; one that is no field's stays as it is."""
    if len(place) > _LONGEST:
        return place
    steps: list[str] = []
    inner: Descriptor | None = message
    for depth, step in enumerate(place.split(".")):
        found = _STEP.fullmatch(step)
        field = inner.fields_by_name.get(found[1]) if found and inner is not None else None
        if found is None or field is None:
            return place
        if depth or field != body_field or found[2]:
            steps.append((field.json_name if depth or field != body_field else "") + found[2])
        entry = map_entry(field)
        inner = entry.fields_by_name["value"].message_type if entry is not None else field.message_type
    return ".".join(steps) or place


def rename_violations(message: str, details: list[Any], rename: Rename) -> tuple[str, list[Any]]:
    """Return an error's message and details with the fields of its BadRequest renamed in both."""
    renamed = list(details)
    for index, detail in enumerate(details):
        if detail.TypeName() != _BAD_REQUEST:
            continue
        request = error_details_pb2.BadRequest.FromString(detail.value)
        for violation in request.field_violations:
            new = rename(violation.field)
            if new != violation.field:
                # Only where the text lists it as "field: what it must be", not inside what it says.
                message = re.sub(rf"(^|; ){re.escape(violation.field)}: ", lambda at, to=new: f"{at[1]}{to}: ", message)  # type: ignore[misc]
                violation.field = new
        renamed[index] = Any()
        renamed[index].Pack(request)
    return message, renamed
