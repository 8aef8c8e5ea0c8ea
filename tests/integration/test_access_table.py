"""Every REST route × every kind of caller: what comes out is what the rule in the contract says.

What is expected is read from the method options here, apart from the code that enforces them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor
from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2, imports_pb2
from sedifex.keys.v1 import keys_pb2, members_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from services.common.access import service_identity
from tests.system import ALL_SCOPES, System

FILES = (keys_pb2, members_pb2, catalog_pb2, imports_pb2, webhooks_pb2)
INTEGRATION, MEMBER, OPERATOR = (
    access_pb2.AUDIENCE_INTEGRATION,
    access_pb2.AUDIENCE_MEMBER,
    access_pb2.AUDIENCE_OPERATOR,
)
PASSES = "passes"
UNAUTHENTICATED = "401"
REFUSALS = {"AUDIENCE_NOT_ALLOWED", "SCOPE_MISSING", "STORE_NOT_ALLOWED", "ROLE_NOT_ALLOWED"}
LAST = ("LeaveStore", "SignOut")
"""Calls that take something from their caller by succeeding."""


@dataclass(frozen=True)
class Someone:
    """A caller, and what is known of them."""

    title: str
    token: str | None
    audience: access_pb2.Audience.ValueType | None = None
    scopes: Sequence[str] = ()
    role: access_pb2.Role.ValueType = access_pb2.ROLE_UNSPECIFIED
    reaches: bool = True
    """The store that is asked for."""


@dataclass(frozen=True)
class Call:
    """A route of a method."""

    method: MethodDescriptor
    verb: str
    path: str
    has_body: bool

    @property
    def rule(self) -> access_pb2.Rule:
        """Its access rule."""
        rule: access_pb2.Rule = self.method.GetOptions().Extensions[access_pb2.rule]
        return rule


@pytest.fixture
async def audiences(system: System) -> tuple[str, list[Someone]]:
    """A store, and everybody who may or may not reach it."""
    store, elsewhere = await system.new_store(), await system.new_store()
    people = [Someone("nobody", None)]
    for scopes in (*([scope] for scope in ALL_SCOPES), ALL_SCOPES):
        _, client = await system.new_key(store, scopes)
        title = f"a key with {scopes[0] if len(scopes) == 1 else 'every scope'}"
        people.append(Someone(title, client.token, INTEGRATION, scopes))
    _, client = await system.new_key(elsewhere)
    people.append(Someone("a key of another store", client.token, INTEGRATION, ALL_SCOPES, reaches=False))
    for role in (access_pb2.ROLE_STAFF, access_pb2.ROLE_ADMIN, access_pb2.ROLE_OWNER):
        person = await system.new_member(store, role)
        people.append(Someone(access_pb2.Role.Name(role), person.client.token, MEMBER, role=role))
    person = await system.new_member(elsewhere)
    owner = Someone("the owner of another store", person.client.token, MEMBER, role=access_pb2.ROLE_OWNER)
    people.append(replace(owner, reaches=False))
    people.append(Someone("an operator", system.operator.token, OPERATOR))
    secret = system.settings.keys.service_secret.get_secret_value()
    people.append(Someone("a service's token from outside", service_identity.token_for("catalog", secret)))
    people.append(Someone("a token of nobody", "sdfx_live_" + "A" * 38))
    return store, people


async def test_every_route_lets_in_whom_the_contract_says_and_nobody_else(
    gateway: httpx.AsyncClient, audiences: tuple[str, list[Someone]]
) -> None:
    store, people = audiences
    routes = sorted(_routes(store), key=lambda call: LAST.index(call.method.name) if call.method.name in LAST else -1)
    assert len(routes) > 50
    wrong = []
    for call in routes:
        for someone in people:
            expected, found = _expected(call, someone), await _outcome(gateway, call, someone)
            if found != expected:
                wrong.append(f"{call.verb} {call.path} by {someone.title}: {found}, but the rule says {expected}")
    assert not wrong, "\n".join(wrong)


def _expected(call: Call, someone: Someone) -> str:
    rule, outcome = call.rule, PASSES
    if access_pb2.AUDIENCE_PUBLIC in rule.audiences:
        # The gateway takes a service's token from nobody, whatever is asked for.
        outcome = UNAUTHENTICATED if someone.title == "a service's token from outside" else PASSES
    elif someone.audience is None:
        outcome = UNAUTHENTICATED
    elif someone.audience not in rule.audiences:
        outcome = "AUDIENCE_NOT_ALLOWED"
    elif someone.audience == INTEGRATION and rule.scope not in someone.scopes:
        outcome = "SCOPE_MISSING"
    elif rule.resource_field and not someone.reaches:
        outcome = "STORE_NOT_ALLOWED"
    elif rule.resource_field and someone.audience == MEMBER and someone.role < rule.member_role:
        outcome = "ROLE_NOT_ALLOWED"
    return outcome


async def _outcome(gateway: httpx.AsyncClient, call: Call, someone: Someone) -> str:
    """What became of a call that is empty but for the names in its path: if it passes, it is about nothing."""
    headers = {"Authorization": f"Bearer {someone.token}"} if someone.token else {}
    body: dict[str, Any] = {"json": {}} if call.has_body else {}
    answer = await gateway.request(call.verb, call.path, headers=headers, **body)
    assert answer.status_code < 500, f"{call.verb} {call.path} by {someone.title}: {answer.text}"
    if answer.status_code == 401:
        return UNAUTHENTICATED
    details = answer.json()["error"].get("details", ()) if answer.status_code >= 400 else ()
    reasons = {detail.get("reason") for detail in details} & REFUSALS
    return str(reasons.pop()) if reasons else PASSES


def _routes(store: str) -> Iterator[Call]:
    for file in FILES:
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                http = method.GetOptions().Extensions[annotations_pb2.http]
                for each in (http, *http.additional_bindings):
                    verb = each.WhichOneof("pattern")
                    if verb:
                        yield Call(method, verb.upper(), _path(getattr(each, verb), store), bool(each.body))


def _path(template: str, store: str) -> str:
    """A path that the template fits: of the store, of oneself, of what is not there."""
    path = re.sub(r"\{[^=}]+=([^}]+)\}", r"\1", template)
    path = path.replace("stores/*", store).replace("members/*", "members/me").replace("*", "nothing")
    assert "{" not in path
    return path
