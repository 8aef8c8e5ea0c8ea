"""An OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1.html) of the bindings that a Transcoder serves."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, ServiceDescriptor

from .bindings import Binding
from .comments import read_comments, split_comment
from .conditions import NOT_MODIFIED
from .descriptors import find_field
from .headers import header_parameters
from .parameters import is_parameter
from .paths import describe_path
from .responses import ERROR, ERROR_NAME, components, responses
from .schemas import Constraints, Schema, Schemas, no_constraints, required

_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"})
Revise = Callable[[Binding, Schema], None]
"""Changes the operation of a binding in place."""

_BEARER: Mapping[str, Mapping[str, str]] = {"bearer": {"type": "http", "scheme": "bearer"}}


def unrevised(_binding: Binding, _operation: Schema) -> None:
    """Leave an operation as it is."""


def document(
    bindings: Sequence[Binding],
    *,
    title: str,
    version: str,
    description: str = "",
    files: descriptor_pb2.FileDescriptorSet | None = None,
    security_schemes: Mapping[str, Mapping[str, str]] = _BEARER,
    constraints: Constraints = no_constraints,
    revise: Revise = unrevised,
) -> dict[str, Any]:
    """Return the document as JSON-ready objects.

    `files` brings the comments that become summaries and descriptions; it must have been written with source info.
    `security_schemes` are the ways to send a credential, any one of which will do. `constraints` gives keywords of JSON
    Schema that annotations of a field mean; `revise` adds to an operation what only the application knows.
    Methods that OpenAPI has no name for (custom HttpRule kinds) are left out.
    """
    comments = read_comments(files) if files is not None else {}
    writer = _Writer(comments, constraints)
    for binding in bindings:
        if binding.http_method in _METHODS:
            revise(binding, writer.add(binding))
    return {
        "openapi": "3.1.1",
        "info": {"title": title, "version": version, "description": description},
        "tags": writer.tags(),
        "paths": writer.paths,
        "components": {
            "schemas": {**writer.schemas.components, ERROR_NAME: ERROR},
            "responses": components(),
            "securitySchemes": {name: dict(scheme) for name, scheme in security_schemes.items()},
        },
        "security": [{name: []} for name in security_schemes],
    }


class _Writer:
    def __init__(self, comments: Mapping[str, str], constraints: Constraints) -> None:
        self._comments = comments
        self._operation_ids: set[str] = set()
        self._services: dict[str, ServiceDescriptor] = {}
        self.paths: dict[str, dict[str, Any]] = {}
        self.schemas = Schemas(comments, constraints)

    def tags(self) -> list[Schema]:
        """The services, each with its comment."""
        named = [(name, self._comments.get(each.full_name, "")) for name, each in self._services.items()]
        return [{"name": name} | ({"description": text} if text else {}) for name, text in named]

    def add(self, binding: Binding) -> Schema:
        """Writes an operation; returns it."""
        rpc = binding.rpc
        path, parameters = describe_path(binding.template, lambda field: self._value(rpc.input_type, field))
        tag = rpc.containing_service.name.removesuffix("Service") or rpc.containing_service.name
        self._services[tag] = rpc.containing_service
        summary, description = split_comment(self._comments.get(rpc.full_name, ""))
        operation: dict[str, Any] = {"operationId": self._operation_id(binding), "tags": [tag]}
        operation |= {"summary": summary} if summary else {}
        operation |= {"description": description} if description else {}
        operation["parameters"] = [*parameters, *self._query(binding), *header_parameters(binding)]
        if binding.has_body:
            operation["requestBody"] = {
                "required": binding.body_field is not None or any(map(required, rpc.input_type.fields)),
                "content": {"application/json": {"schema": self._body(binding)}},
            }
        operation["responses"] = responses(binding, self._answer)
        self.paths.setdefault(path, {})[binding.http_method.lower()] = operation
        return operation

    def _value(self, message: Descriptor, field_path: str) -> Schema:
        """The schema of a path variable's field: a resource's own name says nothing that its parts do not."""
        fields = find_field(message, field_path) or ()
        return self.schemas.field(fields[-1]) if fields else {}

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
            message = binding.body_field.message_type
            if binding.http_method == "PATCH" and message is not None and not binding.body_field.is_repeated:
                return self.schemas.part(message)
            return self.schemas.field(binding.body_field)
        bound = {variable.field_path for variable in binding.template.variables if "." not in variable.field_path}
        if bound:
            return self.schemas.object(binding.rpc.input_type, without=bound)
        return self.schemas.message(binding.rpc.input_type)

    def _answer(self, binding: Binding) -> Schema:
        if binding.response_field is not None:
            return self.schemas.field(binding.response_field)
        without = {NOT_MODIFIED} if binding.is_conditional else ()
        return self.schemas.message(binding.rpc.output_type, without=without)


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
