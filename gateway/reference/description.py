"""The API's description (OpenAPI 3.1): the transcoder's, and what only the gateway knows, of who may call and when."""

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from sedifex.access.v1 import access_pb2

from gateway import schemas, transcoding, uploads
from gateway.answering import KEY_EXPIRES_HEADER
from gateway.reference.constraints import constraints
from gateway.reference.introduction import INTRODUCTION
from gateway.transcoding.responses import RETRY_AFTER, failure

Schema = dict[str, Any]

_SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, the token of a member's session, or an operator's token.",
    },
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "The same, in its own header."},
}
_ROLES = {
    access_pb2.ROLE_STAFF: "a member of the shop",
    access_pb2.ROLE_ADMIN: "a member of the shop who is its admin or owner",
    access_pb2.ROLE_OWNER: "an owner of the shop",
}


def _whole(description: str) -> Schema:
    return {"description": description, "schema": {"type": "integer", "minimum": 0}}


_HEADERS: Mapping[str, Schema] = {
    "X-Request-Id": {"description": "Names this request in our logs.", "schema": {"type": "string"}},
    "RateLimit-Policy": {
        "description": "Which limit the others tell of: so many requests in so many seconds.",
        "schema": {"type": "string", "examples": ["1200;w=60"]},
    },
    "RateLimit-Limit": _whole("How many requests may be made in a minute."),
    "RateLimit-Remaining": _whole("How many of them are left."),
    "RateLimit-Reset": _whole("After how many seconds all of them are there again."),
}
_EVERY_ANSWER = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
_OF_KEYS: Mapping[str, Schema] = {
    KEY_EXPIRES_HEADER: {
        "description": "When the API key that was sent stops working by itself: at its own end, or at the end of the "
        "overlap once it has been rotated. Not there as long as it lasts.",
        "schema": {"type": "string", "format": "date-time", "examples": ["2026-04-01T12:00:00Z"]},
    }
}


def describe(bindings: Sequence[transcoding.Binding]) -> Schema:
    """The description of the API under these bindings, as JSON-ready objects."""
    contract = FileDescriptorSet.FromString(files("sedifex").joinpath("descriptors.binpb").read_bytes())
    document = transcoding.document(
        bindings,
        title="Sedifex Integrations",
        version="v1",
        description=INTRODUCTION,
        files=contract,
        security_schemes=_SECURITY,
        constraints=constraints,
        revise=_revise,
    )
    document["servers"] = [{"url": "/"}]
    components = document["components"]
    components["headers"] = {**_HEADERS, **_OF_KEYS}
    components["responses"] |= _refusals()
    for response in components["responses"].values():
        response["headers"] = _EVERY_ANSWER | response.get("headers", {})
    _add_uploads(document)
    _add_other_routes(document)
    _add_examples(document)
    return document


def _revise(binding: transcoding.Binding, operation: Schema) -> None:
    """Adds who may call, and the answers that come of that."""
    rule = binding.rpc.GetOptions().Extensions[access_pb2.rule]
    is_public = access_pb2.AUDIENCE_PUBLIC in rule.audiences
    if is_public:
        operation["security"] = []
    operation["description"] = f"{operation.get('description', '')}\n\n{_who_may_call(rule)}".strip()
    _add_refusals(operation, is_public=is_public)
    if access_pb2.AUDIENCE_INTEGRATION in rule.audiences:
        for status in operation["responses"].keys() & {"200", "304"}:
            operation["responses"][status]["headers"] |= {
                name: {"$ref": f"#/components/headers/{name}"} for name in _OF_KEYS
            }


def _who_may_call(rule: access_pb2.Rule) -> str:
    """The access rule in words."""
    if access_pb2.AUDIENCE_PUBLIC in rule.audiences:
        return "**Who may call:** anybody, without a credential."
    who = []
    if access_pb2.AUDIENCE_INTEGRATION in rule.audiences:
        who.append(f"an API key with the scope `{rule.scope}`")
    if access_pb2.AUDIENCE_MEMBER in rule.audiences:
        who.append("a member, about itself" if rule.caller_itself else _ROLES[rule.member_role])
    if access_pb2.AUDIENCE_OPERATOR in rule.audiences:
        who.append("an operator of Sedifex")
    return f"**Who may call:** {'; '.join(who)}."


def _add_refusals(operation: Schema, *, is_public: bool) -> None:
    refused = {"401": "Unauthorized", "429": "TooManyRequests"} | ({} if is_public else {"403": "Forbidden"})
    found = operation["responses"] | {
        status: {"$ref": f"#/components/responses/{name}"} for status, name in refused.items()
    }
    for response in found.values():
        if "$ref" not in response:
            response["headers"] = _EVERY_ANSWER | response.get("headers", {})
    operation["responses"] = dict(sorted(found.items()))


def _refusals() -> dict[str, Schema]:
    """The answers to callers who may not, or not now."""
    challenge: Schema = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "Bearer."}}
    unauthorized = failure(
        401,
        "UNAUTHENTICATED",
        "The credential is not accepted: which of the reasons it is, nobody is told. Or it is missing.",
        "This credential is not accepted. Check that the whole API key was copied and has not been revoked or expired.",
        challenge,
    )
    forbidden = failure(
        403,
        "PERMISSION_DENIED",
        "The credential is accepted and does not reach this shop, or lacks the scope or role; or may not be used from "
        "this address.",
        "This key does not reach stores/st_other. Use a key of that shop.",
    )
    too_many = failure(
        429,
        "RESOURCE_EXHAUSTED",
        "Too many requests (reason `RATE_LIMITED`); too many credentials from this address that were not accepted "
        "(`TOO_MANY_REFUSALS`); or a limit of the call's own. Try again after `Retry-After` seconds.",
        "Too many requests with this key: 1200 a minute are taken. Try again in 3 s.",
        {"Retry-After": RETRY_AFTER},
    )
    return {"Unauthorized": unauthorized, "Forbidden": forbidden, "TooManyRequests": too_many}


def _add_uploads(document: Schema) -> None:
    described = uploads.describe()
    _add_refusals(described["post"], is_public=False)
    document["paths"][uploads.PATH] = described


def _add_other_routes(document: Schema) -> None:
    """Routes of the gateway's own, which need no credential."""
    status = {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}
    health = {"application/json": {"schema": status}}
    schema = {"application/schema+json": {"schema": {"type": "object"}}}
    of_type = {"type": "string", "pattern": "^[a-z]+[.][a-z]+$"}
    given: Schema = {"name": "type", "in": "path", "required": True, "schema": of_type}
    given |= {"description": "The type of event.", "example": "product.updated"}
    tag, version = {"tags": ["Gateway"], "security": []}, [transcoding.IF_NONE_MATCH_PARAMETER]
    document["tags"].append({"name": "Gateway", "description": "What the gateway itself answers, to anybody."})
    document["paths"] |= {
        "/healthz": {
            "get": tag
            | {
                "operationId": "Gateway_Health",
                "summary": "Tells that the gateway is alive",
                "responses": {"200": {"description": "It is.", "content": health}},
            }
        },
        "/readyz": {
            "get": tag
            | {
                "operationId": "Gateway_Readiness",
                "summary": "Tells whether every service behind it is ready",
                "responses": {
                    "200": {"description": "All are.", "content": health},
                    "503": {"description": "One is not.", "content": health},
                },
            }
        },
        schemas.PATH: {
            "get": tag
            | {
                "operationId": "Gateway_EventSchema",
                "summary": "Gets the JSON Schema of a type of event",
                "parameters": [given, *version],
                "responses": {
                    "200": {"description": "The schema.", "headers": _EVERY_ANSWER, "content": schema},
                    "304": {"description": "The caller has it already.", "headers": _EVERY_ANSWER},
                    "404": {"$ref": "#/components/responses/NotFound"},
                    "429": {"$ref": "#/components/responses/TooManyRequests"},
                    "503": {"$ref": "#/components/responses/ServiceUnavailable"},
                },
            }
        },
    }


def _add_examples(document: Schema) -> None:
    """Examples of requests and answers, by operation."""
    examples = json.loads(files("gateway.reference").joinpath("examples.json").read_text("utf-8"))
    operations = {
        operation["operationId"]: operation for path in document["paths"].values() for operation in path.values()
    }
    for name, example in examples.items():
        operation = operations[name]
        if "request" in example:
            operation["requestBody"]["content"]["application/json"]["example"] = example["request"]
        operation["responses"]["200"]["content"]["application/json"]["example"] = example["answer"]
