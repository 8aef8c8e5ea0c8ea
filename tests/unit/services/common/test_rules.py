"""Access rules are read from the contract, and there is no way round them."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor
from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2, imports_pb2
from sedifex.keys.v1 import keys_pb2, members_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from services.common.access.caller import Caller
from services.common.access.interceptor import AccessInterceptor
from services.common.access.leased import LeasedVerdicts
from services.common.access.refusals import Refusals
from services.common.access.rules import MethodRule, RuleError, read_rules
from services.common.errors import InvalidArgument, PermissionDenied

Rule = access_pb2.Rule
A = access_pb2.Audience
SERVICES = [
    keys_pb2.DESCRIPTOR.services_by_name["KeysService"],
    members_pb2.DESCRIPTOR.services_by_name["MembersService"],
    catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"],
    imports_pb2.DESCRIPTOR.services_by_name["ImportsService"],
    webhooks_pb2.DESCRIPTOR.services_by_name["WebhooksService"],
]


def _service(rule: Any, *, streams: bool = False) -> ServiceDescriptor:
    """A service with one method, `Do(Request{string name; int32 number; repeated string names})`, under this rule."""
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="example", syntax="proto3")
    file.dependency.append(access_pb2.DESCRIPTOR.name)
    request = file.message_type.add(name="Request")
    field = descriptor_pb2.FieldDescriptorProto
    request.field.add(name="name", number=1, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    request.field.add(name="number", number=2, type=field.TYPE_INT32, label=field.LABEL_OPTIONAL)
    request.field.add(name="names", number=3, type=field.TYPE_STRING, label=field.LABEL_REPEATED)
    service = file.service.add(name="Example")
    method = service.method.add(name="Do", input_type=".example.Request", output_type=".example.Request")
    method.server_streaming = streams
    if rule is not None:
        method.options.Extensions[access_pb2.rule].CopyFrom(rule)
    # Own pool: the rule's extension is known by number, the same as in the default one.
    pool = descriptor_pool.DescriptorPool()
    for known in _dependencies():
        pool.Add(known)
    pool.Add(file)
    return pool.FindServiceByName("example.Example")


def _dependencies() -> Iterator[descriptor_pb2.FileDescriptorProto]:
    for module in (descriptor_pb2, access_pb2):
        known = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(known)
        yield known


def test_every_method_of_every_service_has_a_rule() -> None:
    rules = read_rules(SERVICES)
    assert len(rules) == sum(len(service.methods) for service in SERVICES)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        pytest.param(None, "has no", id="no rule"),
        pytest.param(Rule(), "audiences", id="nobody"),
        pytest.param(Rule(audiences=[A.AUDIENCE_UNSPECIFIED]), "audiences", id="unspecified"),
        pytest.param(Rule(audiences=[A.AUDIENCE_INTEGRATION], resource_field="name"), "scope", id="no scope"),
        pytest.param(Rule(audiences=[A.AUDIENCE_INTEGRATION], scope="x"), "store", id="no store"),
        pytest.param(Rule(audiences=[A.AUDIENCE_MEMBER], resource_field="name"), "role", id="no role"),
        pytest.param(Rule(audiences=[A.AUDIENCE_SERVICE], resource_field="nom"), "no single field", id="no such field"),
        pytest.param(Rule(audiences=[A.AUDIENCE_SERVICE], resource_field="names"), "no single field", id="repeated"),
        pytest.param(Rule(audiences=[A.AUDIENCE_SERVICE], resource_field="number"), "string", id="a number"),
        pytest.param(Rule(audiences=[A.AUDIENCE_SERVICE], resource_field="name.x"), "no single field", id="too deep"),
    ],
)
def test_a_server_with_an_rpc_without_a_sound_rule_refuses_to_start(rule: Any, says: str) -> None:
    with pytest.raises(RuleError, match=says) as refused:
        AccessInterceptor([_service(rule)], LeasedVerdicts(None, Refusals(1)), "secret")  # type: ignore[arg-type]
    assert "example.Example.Do" in str(refused.value)


def test_a_stream_is_not_served_as_long_as_nothing_guards_it() -> None:
    with pytest.raises(RuleError, match="streams"):
        read_rules([_service(Rule(audiences=[A.AUDIENCE_SERVICE]), streams=True)])


def test_a_sound_rule_is_read() -> None:
    rule = Rule(audiences=[A.AUDIENCE_INTEGRATION], scope="catalog.read", resource_field="name")
    (read,) = read_rules([_service(rule)]).values()
    assert read == MethodRule("Do", frozenset({A.AUDIENCE_INTEGRATION}), "catalog.read", ("name",))


INTEGRATION = Caller("keys/k", A.AUDIENCE_INTEGRATION, frozenset({"catalog.read"}), frozenset({"st_a"}))
OPERATOR = Caller("operators/o", A.AUDIENCE_OPERATOR)
SERVICE = Caller("services/s", A.AUDIENCE_SERVICE)
STAFF = Caller("members/m", A.AUDIENCE_MEMBER, stores=frozenset({"st_a"}), roles={"st_a": access_pb2.ROLE_STAFF})
ADMIN = Caller("members/n", A.AUDIENCE_MEMBER, stores=frozenset({"st_a"}), roles={"st_a": access_pb2.ROLE_ADMIN})


def _rule(method: str) -> MethodRule:
    return next(rule for name, rule in read_rules(SERVICES).items() if name.endswith(f"/{method}"))


@pytest.mark.parametrize(
    ("method", "caller", "request_message"),
    [
        ("GetStore", INTEGRATION, catalog_pb2.GetStoreRequest(name="stores/st_a")),
        ("GetProduct", INTEGRATION, catalog_pb2.GetProductRequest(name="stores/st_a/products/p")),
        ("ListStores", INTEGRATION, catalog_pb2.ListStoresRequest()),
        ("GetStore", OPERATOR, catalog_pb2.GetStoreRequest(name="stores/st_b")),
        ("GetStore", SERVICE, catalog_pb2.GetStoreRequest(name="stores/st_b")),
        ("CreateStore", OPERATOR, catalog_pb2.CreateStoreRequest()),
        ("GetStore", STAFF, catalog_pb2.GetStoreRequest(name="stores/st_a")),
        ("CreateProduct", ADMIN, catalog_pb2.CreateProductRequest(parent="stores/st_a")),
    ],
)
def test_what_a_rule_allows_passes(method: str, caller: Caller, request_message: Any) -> None:
    _rule(method).check(caller, request_message)


@pytest.mark.parametrize(
    ("method", "caller", "request_message", "reason"),
    [
        ("GetStore", INTEGRATION, catalog_pb2.GetStoreRequest(name="stores/st_b"), "STORE_NOT_ALLOWED"),
        ("GetStore", INTEGRATION, catalog_pb2.GetStoreRequest(name="stores/st_a2"), "STORE_NOT_ALLOWED"),
        ("CreateProduct", INTEGRATION, catalog_pb2.CreateProductRequest(parent="stores/st_a"), "SCOPE_MISSING"),
        ("CreateStore", INTEGRATION, catalog_pb2.CreateStoreRequest(), "AUDIENCE_NOT_ALLOWED"),
        ("VerifyToken", INTEGRATION, keys_pb2.VerifyTokenRequest(), "AUDIENCE_NOT_ALLOWED"),
        ("VerifyToken", OPERATOR, keys_pb2.VerifyTokenRequest(), "AUDIENCE_NOT_ALLOWED"),
        ("PublishEvents", OPERATOR, webhooks_pb2.PublishEventsRequest(), "AUDIENCE_NOT_ALLOWED"),
        ("CreateProduct", STAFF, catalog_pb2.CreateProductRequest(parent="stores/st_a"), "ROLE_NOT_ALLOWED"),
        ("CreateProduct", ADMIN, catalog_pb2.CreateProductRequest(parent="stores/st_b"), "STORE_NOT_ALLOWED"),
        ("CreateKey", SERVICE, keys_pb2.CreateKeyRequest(parent="stores/st_a"), "AUDIENCE_NOT_ALLOWED"),
    ],
)
def test_what_a_rule_does_not_allow_is_refused(method: str, caller: Caller, request_message: Any, reason: str) -> None:
    with pytest.raises(PermissionDenied) as refused:
        _rule(method).check(caller, request_message)
    assert refused.value.reason == reason


@pytest.mark.parametrize("name", ["", "st_a", "stores", "stores/", "products/st_a", "/stores/st_a"])
def test_a_request_that_names_no_store_is_invalid(name: str) -> None:
    with pytest.raises(InvalidArgument):
        _rule("GetStore").check(INTEGRATION, catalog_pb2.GetStoreRequest(name=name))


def test_the_store_is_found_inside_a_resource() -> None:
    request = catalog_pb2.UpdateProductRequest(product=catalog_pb2.Product(name="stores/st_b/products/p"))
    writer = Caller("keys/k", A.AUDIENCE_INTEGRATION, frozenset({"catalog.write"}), frozenset({"st_a"}))
    with pytest.raises(PermissionDenied):
        _rule("UpdateProduct").check(writer, request)
