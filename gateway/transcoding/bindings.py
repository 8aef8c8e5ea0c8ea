"""What `google.api.http` says about the methods of a service, read and checked once, at startup."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor

from .conditions import IF_NONE_MATCH, READING, answered_type, find_if_match, has_etag, is_conditional
from .descriptors import find_field
from .places import as_written
from .template import Template, TemplateError, parse_template

_PATTERNS = ("get", "put", "post", "delete", "patch")
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE"})


class BindingError(ValueError):
    """An annotation cannot be served; the text names the RPC and what to change."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One HTTP method and path under which an RPC is served.

    Whole messages travel in the body where `body_field` is None and `has_body` is true (`body: "*"`), and in the
    answer where `response_field` is None.

    `is_conditional`: the service judges If-None-Match itself. `has_etag`: the answer has an etag. `may_be_unchanged`:
    there is a 304. `if_match` leads to the field that takes If-Match, and is empty where none does.
    """

    rpc: MethodDescriptor
    http_method: str
    template: Template
    has_body: bool
    body_field: FieldDescriptor | None
    response_field: FieldDescriptor | None
    is_conditional: bool
    has_etag: bool
    may_be_unchanged: bool
    if_match: tuple[FieldDescriptor, ...]

    @property
    def takes_query(self) -> bool:
        """Whether fields may be given as query parameters: by the HttpRule, unless the body has the whole message."""
        return not self.has_body or self.body_field is not None

    @property
    def reads(self) -> bool:
        """Whether it is served under GET or HEAD."""
        return self.http_method in READING

    def bound_by(self, field_path: str) -> str | None:
        """Return what gives a field (proto names, dotted), so that no query may set it; None where a query may.

        If-None-Match is a header only: who sends none is promised a body, and 304 has none.
        """
        in_path = any(variable.field_path == field_path for variable in self.template.variables)
        if in_path or (self.body_field is not None and field_path.partition(".")[0] == self.body_field.name):
            return "the path or the body"
        return "the header If-None-Match" if self.is_conditional and field_path == IF_NONE_MATCH else None

    def as_written(self, place: str) -> str:
        """Return a place in the request message as a caller of this binding writes it."""
        return as_written(place, self.rpc.input_type, self.body_field)

    def __str__(self) -> str:
        return str(self.rpc.full_name)


def read_bindings(service: ServiceDescriptor, partial_etags: Collection[str] = ()) -> Iterator[Binding]:
    """Yield the bindings of every annotated RPC; `partial_etags` as in `Options`.

    Raises BindingError for one that cannot be served.
    """
    for rpc in service.methods:
        if not rpc.GetOptions().HasExtension(annotations_pb2.http):
            continue
        if rpc.client_streaming or rpc.server_streaming:
            raise BindingError(f"{rpc.full_name} is streaming and cannot be served over REST; remove google.api.http")
        rule = rpc.GetOptions().Extensions[annotations_pb2.http]
        yield _binding(rpc, rule, partial_etags)
        for additional in rule.additional_bindings:
            if additional.additional_bindings:
                raise BindingError(f"{rpc.full_name}: additional_bindings may not be nested; move them one level up")
            yield _binding(rpc, additional, partial_etags)


def _binding(rpc: MethodDescriptor, rule: http_pb2.HttpRule, partial_etags: Collection[str]) -> Binding:
    http_method, path = _pattern(rpc, rule)
    try:
        template = parse_template(path)
    except TemplateError as error:
        raise BindingError(f"{rpc.full_name}: {error}") from error
    if rule.body and http_method in _WITHOUT_BODY:
        raise BindingError(f"{rpc.full_name}: {http_method} has no body; remove body: '{rule.body}'")
    body_field = None if rule.body in {"", "*"} else _top_field(rpc, rpc.input_type, "body", rule.body)
    response_field = _top_field(rpc, rpc.output_type, "response_body", rule.response_body)
    conditional = http_method in READING and is_conditional(rpc)
    answered = answered_type(rpc, response_field)
    is_whole = has_etag(answered) and answered.full_name not in partial_etags
    binding = Binding(
        rpc=rpc,
        http_method=http_method,
        template=template,
        has_body=bool(rule.body),
        body_field=body_field,
        response_field=response_field,
        is_conditional=conditional,
        has_etag=conditional or has_etag(answered),
        may_be_unchanged=conditional or (http_method in READING and is_whole),
        if_match=find_if_match(rpc, http_method, body_field),
    )
    _check_variables(binding)
    return binding


def _pattern(rpc: MethodDescriptor, rule: http_pb2.HttpRule) -> tuple[str, str]:
    pattern = rule.WhichOneof("pattern")
    if pattern in _PATTERNS:
        return pattern.upper(), getattr(rule, pattern)
    if pattern == "custom" and rule.custom.kind:
        return rule.custom.kind, rule.custom.path
    raise BindingError(f"{rpc.full_name}: google.api.http has no pattern; give it one of {', '.join(_PATTERNS)}")


def _top_field(rpc: MethodDescriptor, message: Descriptor, option: str, name: str) -> FieldDescriptor | None:
    if not name:
        return None
    field = message.fields_by_name.get(name)
    if field is None:
        raise BindingError(f"{rpc.full_name}: {option}: '{name}' is no field of {message.full_name}")
    return field


def _check_variables(binding: Binding) -> None:
    for variable in binding.template.variables:
        fields = find_field(binding.rpc.input_type, variable.field_path)
        if fields is None or variable.field_path != ".".join(field.name for field in fields):
            problem = f"is no field of {binding.rpc.input_type.full_name}"
        elif fields[-1].is_repeated or fields[-1].message_type is not None:
            problem = "is repeated or a message; a path can hold only single scalar fields"
        else:
            continue
        raise BindingError(f"{binding.rpc.full_name}: {{{variable.field_path}}} in the path {problem}")
