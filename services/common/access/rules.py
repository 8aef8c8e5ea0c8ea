"""The access rules that the contract carries, read once at start. There is no way to serve an RPC without one."""

from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from sedifex.access.v1 import access_pb2

from services.common.access.caller import Caller
from services.common.errors import InvalidArgument, PermissionDenied

_BOUND_TO_STORES = {access_pb2.AUDIENCE_INTEGRATION, access_pb2.AUDIENCE_MEMBER}


class RuleError(Exception):
    """A method's rule is missing or makes no sense; the server must not start."""


@dataclass(frozen=True)
class MethodRule:
    """The rule of one method, ready to be applied."""

    method: str
    audiences: frozenset[int]
    scope: str
    store_path: tuple[str, ...]
    """Where the request names its store: ("product", "name"). Empty: nowhere."""
    member_role: access_pb2.Role.ValueType = access_pb2.ROLE_UNSPECIFIED
    """The lowest role that a member needs."""

    @property
    def is_public(self) -> bool:
        """Whether it may be called without a credential."""
        return access_pb2.AUDIENCE_PUBLIC in self.audiences

    def check(self, caller: Caller, request: Message) -> None:
        """Lets the call pass, or raises.

        Raises:
            PermissionDenied: not for this kind of caller, the key lacks the scope, the store is not the caller's or
                suspended, or the member's role in it is too low.
            InvalidArgument: the request names no store where it must.
        """
        if caller.audience not in self.audiences:
            raise PermissionDenied(f"{self.method} is not for this kind of credential.", reason="AUDIENCE_NOT_ALLOWED")
        if caller.is_integration and self.scope not in caller.scopes:
            raise PermissionDenied(
                f"This API key does not have the scope {self.scope}. Ask the shop for a key that has it.",
                reason="SCOPE_MISSING",
                metadata={"scope": self.scope},
            )
        if self.store_path:
            self._check_store(caller, self._store(request))

    def _check_store(self, caller: Caller, store: str) -> None:
        if store in caller.suspended:
            raise PermissionDenied(
                f"stores/{store} is suspended. Its owner can ask Sedifex's support why.", reason="STORE_SUSPENDED"
            )
        if not caller.reaches(store):
            # The same words whether the store exists or not: permission is judged before existence.
            raise PermissionDenied(f"This credential does not reach stores/{store}.", reason="STORE_NOT_ALLOWED")
        if caller.is_member and caller.roles.get(store, access_pb2.ROLE_UNSPECIFIED) < self.member_role:
            raise PermissionDenied(
                "Your role in this shop does not allow this. Ask its owner.", reason="ROLE_NOT_ALLOWED"
            )

    def _store(self, request: Message) -> str:
        value: object = request
        for name in self.store_path:
            value = getattr(value, name)
        collection, _, rest = str(value).partition("/")
        store = rest.partition("/")[0]
        if collection != "stores" or not store:
            raise InvalidArgument.field(".".join(self.store_path), "must begin with stores/{store}")
        return store


def read_rules(services: Iterable[ServiceDescriptor]) -> dict[str, MethodRule]:
    """The rules of all methods of `services`, by full method name ("/sedifex.keys.v1.KeysService/GetKey").

    Raises:
        RuleError: a method has no rule, or one that makes no sense; the message names it.
    """
    return {f"/{service.full_name}/{method.name}": _read(method) for service in services for method in service.methods}


def _read(method: MethodDescriptor) -> MethodRule:
    options = method.GetOptions()
    if not options.HasExtension(access_pb2.rule):
        raise RuleError(f"{method.full_name} has no (sedifex.access.v1.rule): say in the .proto who may call it")
    if method.client_streaming or method.server_streaming:
        # The interceptors see a stream only as it opens; what is raised inside one would leave as it is.
        raise RuleError(f"{method.full_name} streams, which no interceptor guards yet")
    rule = options.Extensions[access_pb2.rule]
    audiences = frozenset(rule.audiences)
    if not audiences or access_pb2.AUDIENCE_UNSPECIFIED in audiences:
        raise RuleError(f"{method.full_name}: its rule must name its audiences")
    if access_pb2.AUDIENCE_INTEGRATION in audiences and not rule.scope:
        raise RuleError(f"{method.full_name}: integrations may call it, so its rule must name a scope")
    if rule.WhichOneof("store") == "caller_itself" and access_pb2.AUDIENCE_INTEGRATION in audiences:
        raise RuleError(f"{method.full_name}: what is about the caller itself is not for integrations")
    if access_pb2.AUDIENCE_MEMBER in audiences and not rule.member_role and not rule.caller_itself:
        raise RuleError(f"{method.full_name}: members may call it, so its rule must name a role")
    if audiences & _BOUND_TO_STORES and not rule.WhichOneof("store"):
        raise RuleError(f"{method.full_name}: its rule must say where the request names its store")
    path = tuple(rule.resource_field.split(".")) if rule.resource_field else ()
    _check_path(method, path)
    return MethodRule(method.name, audiences, rule.scope, path, rule.member_role)


def _check_path(method: MethodDescriptor, path: tuple[str, ...]) -> None:
    message: Descriptor | None = method.input_type
    field: FieldDescriptor | None = None
    for name in path:
        field = message.fields_by_name.get(name) if message else None
        if field is None or field.is_repeated:
            raise RuleError(f"{method.full_name}: {method.input_type.name} has no single field {'.'.join(path)}")
        message = field.message_type
    if field is not None and field.type != FieldDescriptor.TYPE_STRING:
        raise RuleError(f"{method.full_name}: {'.'.join(path)} must be a string that holds a resource name")
