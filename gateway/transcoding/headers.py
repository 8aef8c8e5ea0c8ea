"""The headers of requests and answers, as an OpenAPI document shows them."""

from .bindings import Binding
from .incoming import TIMEOUT_HEADER
from .schemas import Schema

ETAG: Schema = {
    "description": "Names this state of what is answered. It goes back in If-None-Match, or in If-Match.",
    "schema": {"type": "string"},
}
_TIMEOUT: Schema = {
    "name": TIMEOUT_HEADER,
    "in": "header",
    "description": "For how many seconds the caller will wait; the service stops working for it then.",
    "schema": {"type": "number", "exclusiveMinimum": 0},
}
_IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Taken as `requestId` where the request gives none; a repeat under the same key has no new effect.",
    "schema": {"type": "string"},
}
IF_NONE_MATCH_PARAMETER: Schema = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of an earlier answer to the same request: if nothing has changed since, there is a 304.",
    "schema": {"type": "string"},
}
_IF_MATCH: Schema = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of what the caller has read: it is changed only if it is still that, else there is a 412.",
    "schema": {"type": "string"},
}


def header_parameters(binding: Binding) -> list[Schema]:
    """Return the header parameters of an operation."""
    parameters = [_TIMEOUT]
    if "request_id" in binding.rpc.input_type.fields_by_name:
        parameters.append(_IDEMPOTENCY_KEY)
    if binding.may_be_unchanged:
        parameters.append(IF_NONE_MATCH_PARAMETER)
    if binding.if_match:
        parameters.append(_IF_MATCH)
    return parameters
