"""An OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1.html) of the bindings that a Transcoder serves."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from .bindings import Binding
from .comments import read_comments
from .conditions import NOT_MODIFIED
from .headers import ETAG, header_parameters
from .parameters import is_parameter
from .schemas import Schema, Schemas, required
from .template import Template, Variable, Wildcard

_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"})
_ERROR_NAME = "Error"
_ERROR: Schema = {
    "type": "object",
    "description": "A failure, in the manner of AIP-193.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "status", "message", "requestId"],
            "properties": {
                "code": {"type": "integer", "description": "The HTTP status."},
                "status": {"type": "string", "description": "The name of the google.rpc.Code."},
                "message": {"type": "string", "description": "What went wrong and what to do next."},
                "details": {"type": "array", "items": {"type": "object", "required": ["@type"]}},
                "requestId": {"type": "string", "description": "Names this request in the server's logs."},
            },
        }
    },
}
_BEARER: Mapping[str, Mapping[str, str]] = {"bearer": {"type": "http", "scheme": "bearer"}}


def document(
    bindings: Sequence[Binding],
    *,
    title: str,
    version: str,
    description: str = "",
    files: descriptor_pb2.FileDescriptorSet | None = None,
    security_schemes: Mapping[str, Mapping[str, str]] = _BEARER,
) -> dict[str, Any]:
    """Return the document as JSON-ready objects.

    `files` brings the comments that become summaries and descriptions; it must have been written with source info.
    `security_schemes` are the ways to send a credential, any one of which will do.
    Methods that OpenAPI has no name for (custom HttpRule kinds) are left out.
    """
    comments = read_comments(files) if files is not None else {}
    writer = _Writer(comments)
    for binding in bindings:
        if binding.http_method in _METHODS:
            writer.add(binding)
    return {
        "openapi": "3.1.1",
        "info": {"title": title, "version": version, "description": description},
        "paths": writer.paths,
        "components": {
            "schemas": {**writer.schemas.components, _ERROR_NAME: _ERROR},
            "securitySchemes": {name: dict(scheme) for name, scheme in security_schemes.items()},
        },
        "security": [{name: []} for name in security_schemes],
    }


class _Writer:
    def __init__(self, comments: Mapping[str, str]) -> None:
        self._comments = comments
        self._operation_ids: set[str] = set()
        self.paths: dict[str, dict[str, Any]] = {}
        self.schemas = Schemas(comments)

    def add(self, binding: Binding) -> None:
        path, parameters = describe_path(binding.template)
        rpc = binding.rpc
        operation: dict[str, Any] = {
            "operationId": self._operation_id(binding),
            "tags": [rpc.containing_service.name],
            "parameters": [*parameters, *self._query(binding), *header_parameters(binding)],
            "responses": self._responses(binding),
        }
        summary, _, description = self._comments.get(rpc.full_name, "").partition("\n")
        operation |= {"summary": summary} if summary else {}
        operation |= {"description": description.strip()} if description.strip() else {}
        if binding.has_body:
            operation["requestBody"] = {
                "required": binding.body_field is not None or any(map(required, rpc.input_type.fields)),
                "content": {"application/json": {"schema": self._body(binding)}},
            }
        self.paths.setdefault(path, {})[binding.http_method.lower()] = operation

    def _operation_id(self, binding: Binding) -> str:
        """`Service_Method`; a further binding of the same RPC is numbered."""
        base = name = f"{binding.rpc.containing_service.name}_{binding.rpc.name}"
        number = 1
        while name in self._operation_ids:
            number += 1
            name = f"{base}_{number}"
        self._operation_ids.add(name)
        return name

    def _query(self, binding: Binding) -> Iterator[dict[str, Any]]:
        if not binding.takes_query:
            return
        for fields in query_fields(binding, binding.rpc.input_type):
            schema = self.schemas.field(fields[-1])
            parameter = {"name": ".".join(field.json_name for field in fields), "in": "query", "schema": schema}
            if "description" in schema:
                parameter["description"] = schema["description"]
                parameter["schema"] = {key: value for key, value in schema.items() if key != "description"}
            yield {**parameter, "required": True} if all(map(required, fields)) else parameter

    def _body(self, binding: Binding) -> Schema:
        if binding.body_field is not None:
            return self.schemas.field(binding.body_field)
        bound = {variable.field_path for variable in binding.template.variables if "." not in variable.field_path}
        if bound:
            return self.schemas.object(binding.rpc.input_type, without=bound)
        return self.schemas.message(binding.rpc.input_type)

    def _responses(self, binding: Binding) -> dict[str, Any]:
        headers = {"headers": {"ETag": ETAG}} if binding.has_etag else {}
        responses = {"200": {"description": "The answer.", **headers, **_json(self._answer(binding))}}
        if binding.may_be_unchanged:
            responses["304"] = {"description": "The caller has the answer already: nothing has changed.", **headers}
        error = _json({"$ref": f"#/components/schemas/{_ERROR_NAME}"})
        if binding.if_match:
            responses["412"] = {"description": "It has changed since it was read: If-Match is not its ETag.", **error}
        return {**responses, "default": {"description": "A failure.", **error}}

    def _answer(self, binding: Binding) -> Schema:
        if binding.response_field is not None:
            return self.schemas.field(binding.response_field)
        without = {NOT_MODIFIED} if binding.is_conditional else ()
        return self.schemas.message(binding.rpc.output_type, without=without)


def _json(schema: Schema) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def query_fields(
    binding: Binding, message: Descriptor, parents: tuple[FieldDescriptor, ...] = ()
) -> Iterator[tuple[FieldDescriptor, ...]]:
    """Yield the fields, each with those around it, that a query may give. A type inside itself is not followed."""
    around = {message, *(parent.message_type for parent in parents)}
    for field in message.fields:
        fields = (*parents, field)
        if binding.bound_by(".".join(each.name for each in fields)) is not None:
            continue
        if is_parameter(field):
            yield fields
        elif not field.is_repeated and field.message_type is not None and field.message_type not in around:
            yield from query_fields(binding, field.message_type, fields)


def describe_path(template: Template) -> tuple[str, list[dict[str, Any]]]:
    """Return the path as OpenAPI writes it, and its parameters: one for each wildcard of the template.

    `/v1/{name=shelves/*/books/*}:read` becomes `/v1/shelves/{shelf}/books/{book}:read`.
    """
    names: list[str] = []
    segments: list[str] = []
    for index, segment in enumerate(template.segments):
        if isinstance(segment, Wildcard):
            name = _free_name(_parameter_name(template, index), names)
            names.append(name)
            segments.append(f"{{{name}}}")
        else:
            segments.append(segment)
    verb = f":{template.verb}" if template.verb else ""
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    return f"/{'/'.join(segments)}{verb}", parameters


def _parameter_name(template: Template, index: int) -> str:
    variable = next((each for each in template.variables if _holds(each, index)), None)
    before = template.segments[index - 1] if index else None
    if variable is not None and (variable.is_single or not isinstance(before, str)):
        return variable.field_path
    return singular(before) if isinstance(before, str) else f"segment{index + 1}"


def _holds(variable: Variable, index: int) -> bool:
    return variable.start <= index and (variable.stop is None or index < variable.stop)


def _free_name(name: str, taken: Sequence[str]) -> str:
    number = 1
    candidate = name
    while candidate in taken:
        number += 1
        candidate = f"{name}{number}"
    return candidate


def singular(collection: str) -> str:
    """Return the singular of an English collection id: `deliveries` → `delivery`, `shelves` → `shelf`."""
    if collection.endswith("ies"):
        return f"{collection[:-3]}y"
    if collection.endswith("lves"):
        return f"{collection[:-3]}f"
    if collection.endswith(("sses", "xes", "ches", "shes")):
        return collection[:-2]
    return collection[:-1] if collection.endswith("s") and not collection.endswith("ss") else collection
