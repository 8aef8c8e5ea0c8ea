"""Every admin page × everybody: who is let in is what the contract says of the method that the page stands for."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import pytest
from sedifex.access.v1 import access_pb2

from gateway.admin.contract import lowest_role
from gateway.admin.families import FAMILIES
from gateway.admin.family import Page
from gateway.admin.protection import FIELD, Seal
from tests.pages import ORIGIN, answering
from tests.system import System

COOKIE = "__Host-sedifex_session"
PASSES, SIGN_IN, NOT_YOURS, ROLE, FORM = "passes", "sign-in", "not your shop", "role too low", "form refused"
TITLES = {
    "You do not belong to this shop": NOT_YOURS,
    "Your role does not allow this": ROLE,
    "This form can no longer be used": FORM,
}
LAST = ("/stores/{store}/members/leave", "/sign-out")
"""Forms that take something from who sends them."""


@dataclass(frozen=True)
class Someone:
    """Somebody at a browser."""

    title: str
    token: str = ""
    role: access_pb2.Role.ValueType = access_pb2.ROLE_UNSPECIFIED
    is_member: bool = True
    """Of any shop: the token is a session's."""


@pytest.fixture(scope="module")
async def gateway(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway in production mode, for the cookies that it has."""
    async with answering(system) as client:
        yield client


@pytest.fixture
async def store(system: System) -> str:
    return await system.new_store()


@pytest.fixture
async def people(system: System, store: str) -> list[Someone]:
    """Everybody who may open an address."""
    found = [Someone("nobody", is_member=False)]
    for role in (access_pb2.ROLE_STAFF, access_pb2.ROLE_ADMIN, access_pb2.ROLE_OWNER):
        person = await system.new_member(store, role)
        found.append(Someone(access_pb2.Role.Name(role), person.client.token, role))
    stranger = await system.new_member(await system.new_store())
    found.append(Someone("the owner of another shop", stranger.client.token))
    _, key = await system.new_key(store)
    found.append(Someone("a key in the cookie", key.token, is_member=False))
    found.append(Someone("an operator's token in the cookie", system.operator.token, is_member=False))
    found.append(Someone("a session of nobody", "sdfx_ses_" + "A" * 38, is_member=False))
    return found


async def test_every_page_lets_in_whom_the_contract_says_and_nobody_else(
    system: System, gateway: httpx.AsyncClient, store: str, people: list[Someone]
) -> None:
    seal = Seal(system.settings.keys.service_secret.get_secret_value())
    wrong = []
    for page in sorted(_pages(), key=lambda page: LAST.index(page.path) if page.path in LAST else -1):
        for someone in people:
            fields = {FIELD: seal.form_token(someone.token or "visitor")}
            answer = await _open(gateway, page, store, someone.token, fields)
            expected, found = _expected(page, someone), _outcome(answer)
            if found != expected:
                wrong.append(f"{page.method} {page.path} by {someone.title}: {found}, but the contract says {expected}")
            assert answer.status_code < 500, f"{page.method} {page.path} by {someone.title}: {answer.text}"
    assert not wrong, "\n".join(wrong)


async def test_no_form_is_taken_that_no_page_of_ours_has_sent(
    system: System, gateway: httpx.AsyncClient, store: str, people: list[Someone]
) -> None:
    owner = next(each for each in people if each.role == access_pb2.ROLE_OWNER)
    seal = Seal(system.settings.keys.service_secret.get_secret_value())
    right = {FIELD: seal.form_token(owner.token)}
    of_another = {FIELD: seal.form_token("another session")}
    for page in _pages():
        if page.method == "POST":
            for fields, headers in (
                ({}, {}),
                (of_another, {}),
                (right, {"Origin": "https://evil.example"}),
                (right, {"Origin": "null"}),
                (right, {"Sec-Fetch-Site": "cross-site"}),
                (right, {"Sec-Fetch-Site": "same-site"}),
            ):
                answer = await _open(gateway, page, store, owner.token, fields, headers)
                assert _outcome(answer) == FORM, (page.path, fields, headers)


async def test_every_page_is_protected_and_kept_by_nobody(
    gateway: httpx.AsyncClient, store: str, people: list[Someone]
) -> None:
    owner = next(each for each in people if each.role == access_pb2.ROLE_OWNER)
    nonces = set()
    for page in _pages():
        if page.method == "GET":
            answer = await _open(gateway, page, store, owner.token, {})
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'nonce-"), page.path
            assert "unsafe" not in policy
            assert answer.headers["cache-control"] == "no-store", page.path
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert not re.search(r"\s(style|on[a-z]+)=", answer.text), f"{page.path} has something inline"
            nonces.add(policy)
    assert len(nonces) == len([page for page in _pages() if page.method == "GET"])


def test_every_page_of_a_shop_names_the_method_that_it_stands_for() -> None:
    """All but the shop's own address, which only leads on."""
    assert {page.path for page in _pages() if page.family.in_store and not page.needs} <= {"/stores/{store}"}


def _pages() -> Iterator[Page]:
    for family in FAMILIES:
        yield from family.pages


def _expected(page: Page, someone: Someone) -> str:
    if page.is_public:
        return PASSES
    if not someone.is_member:
        return SIGN_IN
    if page.family.in_store and not someone.role:
        return NOT_YOURS
    if page.needs and someone.role < lowest_role(page.needs):
        return ROLE
    return PASSES


def _outcome(answer: httpx.Response) -> str:
    if answer.status_code == 303 and answer.headers["location"].startswith("/admin/sign-in"):
        return PASSES if answer.headers["location"].endswith("why=signed-out") else SIGN_IN
    title = re.search(r"<h1>(.*?)</h1>", answer.text)
    return TITLES.get(title[1] if title else "", PASSES)


async def _open(
    gateway: httpx.AsyncClient,
    page: Page,
    store: str,
    token: str,
    fields: dict[str, str],
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    path = "/admin" + re.sub(r"\{\w+\}", "nothing", page.path.replace("/stores/{store}", f"/{store}"))
    cookies = f"{COOKIE}={token}" if token else "__Host-sedifex_visitor=visitor"
    sent = {"Cookie": cookies} | ({"Origin": ORIGIN} if page.method == "POST" else {}) | (headers or {})
    return await gateway.request(page.method, path, headers=sent, data=fields if page.method == "POST" else None)
