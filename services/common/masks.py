"""Field masks of updates (AIP-134): which fields of the message sent are meant."""

from collections.abc import Collection

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from services.common.errors import InvalidArgument


def chosen_fields(message: Message, mask: FieldMask | None, known: Collection[str]) -> list[str]:
    """The names of the fields to change, all of them among `known`.

    Without a mask they are those that the message has values in; with "*", all that can be changed.

    Raises:
        InvalidArgument: the mask names something that is no field, or no field that can be changed.
    """
    if mask is None or not mask.paths:
        return [field.name for field, _ in message.ListFields() if field.name in known]
    if list(mask.paths) == ["*"]:
        return list(known)
    for path in mask.paths:
        if path not in known:
            possible = ", ".join(sorted(known))
            raise InvalidArgument.field("update_mask", f"'{path}' cannot be changed; what can is: {possible}")
    return list(mask.paths)
