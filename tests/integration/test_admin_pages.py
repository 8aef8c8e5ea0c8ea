"""The admin pages as a browser gets them: sessions, proof, what fails, and what is in no page."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import unquote

import httpx
import psycopg2
import pytest
from sedifex.access.v1 import access_pb2
from sedifex.keys.v1 import keys_pb2, members_pb2

from gateway.admin.protection import FIELD, Seal
from gateway.admin.visit import FRESH
from tests.pages import ORIGIN, answering
from tests.system import Person, System

HOST = "__Host-sedifex_session"


@pytest.fixture(scope="module")
async def gateway(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway in production mode, for the cookies that it has."""
    async with answering(system) as client:
        yield client


@pytest.fixture
async def store(system: System) -> str:
    return await system.new_store()


@pytest.fixture
async def owner(system: System, store: str) -> Person:
    return await system.new_member(store)


def _as(person: Person) -> dict[str, str]:
    return {"Cookie": f"{HOST}={person.client.token}", "Origin": ORIGIN}


def _form(system: System, person: Person, **fields: str) -> dict[str, str]:
    seal = Seal(system.settings.keys.service_secret.get_secret_value())
    return {FIELD: seal.form_token(person.client.token), **fields}


async def test_a_session_comes_in_a_cookie_that_no_script_and_no_other_host_has(
    system: System, gateway: httpx.AsyncClient, owner: Person
) -> None:
    shown = await gateway.get("/admin/sign-in")
    (visitor,) = shown.headers.get_list("set-cookie")
    assert visitor.startswith("__Host-sedifex_visitor=")
    fields = {"email": owner.email, "password": owner.password, "next": "//evil.example"}
    token = re.search(r'name="csrf" value="(\w+)"', shown.text)
    assert token is not None
    headers = {"Cookie": visitor.partition(";")[0], "Origin": ORIGIN}
    answer = await gateway.post("/admin/sign-in", data=fields | {FIELD: token[1]}, headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin")
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith(HOST))
    assert {"httponly", "secure", "path=/", "samesite=lax"} <= {part.strip().lower() for part in cookie.split(";")}
    assert "domain" not in cookie.lower()


async def test_in_development_a_browser_that_wants_tls_for_secure_cookies_gets_in_as_well(system: System) -> None:
    async with answering(system, mode="development") as gateway:
        (cookie,) = (await gateway.get("/admin/sign-in")).headers.get_list("set-cookie")
        assert cookie.startswith("sedifex_visitor=")
        assert "secure" not in cookie.lower()
        (cookie,) = (await gateway.get("https://gateway.test/admin/sign-in")).headers.get_list("set-cookie")
        assert cookie.startswith("__Host-sedifex_visitor=")


async def test_an_ended_session_leads_to_sign_in_and_back(
    gateway: httpx.AsyncClient, store: str, owner: Person
) -> None:
    await owner.client.members.SignOut(members_pb2.SignOutRequest())
    path = f"/admin/{store}/keys?state=active"
    answer = await gateway.get(path, headers=_as(owner))
    assert answer.status_code == 303
    assert unquote(answer.headers["location"]) == f"/admin/sign-in?next={path}&why=ended"
    assert any(each.startswith(f'{HOST}=""') for each in answer.headers.get_list("set-cookie"))


async def test_a_form_of_an_ended_session_leads_back_to_the_page_that_it_stood_on(
    system: System, gateway: httpx.AsyncClient, store: str, owner: Person
) -> None:
    await owner.client.members.SignOut(members_pb2.SignOutRequest())
    headers = _as(owner) | {"Referer": f"http://gateway.test/admin/{store}/keys/new"}
    answer = await gateway.post(f"/admin/{store}/keys", headers=headers, data=_form(system, owner))
    assert f"next=/admin/{store}/keys/new" in unquote(answer.headers["location"])


async def test_what_reveals_or_ends_something_takes_the_password_once_in_a_while(
    system: System, gateway: httpx.AsyncClient, store: str, owner: Person
) -> None:
    wanted = _form(system, owner, display_name="Website & <b>", scopes="catalog.read", expiry="never")
    _age_proof(system, owner, FRESH + timedelta(seconds=1))
    asked = await gateway.post(f"/admin/{store}/keys", headers=_as(owner), data=wanted)
    assert "Is it you?" in asked.text
    assert 'name="display_name" value="Website &amp; &lt;b&gt;"' in asked.text
    assert not await _keys(owner, store)
    wrong = await gateway.post(
        f"/admin/{store}/keys", headers=_as(owner), data=wanted | {"confirm_password": "not the password"}
    )
    assert (wrong.status_code, "not your present password" in wrong.text) == (403, True)
    assert "not the password" not in wrong.text.replace("not your present password", "")
    proved = wanted | {"confirm_password": owner.password}
    made = await gateway.post(f"/admin/{store}/keys", headers=_as(owner), data=proved)
    assert "shown this once" in made.text
    assert [key.display_name for key in await _keys(owner, store)] == ["Website & <b>"]
    again = await gateway.post(f"/admin/{store}/keys", headers=_as(owner), data=wanted)
    assert "shown this once" in again.text, "it was given a moment ago"


async def test_a_code_is_asked_for_where_one_is_used(
    system: System, gateway: httpx.AsyncClient, store: str, owner: Person
) -> None:
    _, recovery = await owner.enable_totp()
    _age_proof(system, owner, timedelta(hours=1))
    wanted = _form(system, owner, display_name="Website", scopes="catalog.read", expiry="never")
    path, headers = f"/admin/{store}/keys", _as(owner)
    asked = await gateway.post(path, headers=headers, data=wanted)
    assert 'name="confirm_code"' in asked.text
    without = await gateway.post(path, headers=headers, data=wanted | {"confirm_password": owner.password})
    assert "Enter the code" in without.text
    proof = {"confirm_password": owner.password, "confirm_code": recovery[0]}
    assert "shown this once" in (await gateway.post(path, headers=headers, data=wanted | proof)).text


async def test_no_session_token_and_no_secret_is_in_a_page(
    system: System, gateway: httpx.AsyncClient, store: str, owner: Person
) -> None:
    key, client = await system.new_key(store)
    invited = await system.invite(store, "esi@shop.example", access_pb2.ROLE_STAFF)
    for path in ("keys", key.name.removeprefix(f"{store}/"), "members", "audit", "audit/export.csv"):
        text = (await gateway.get(f"/admin/{store}/{path}", headers=_as(owner))).text
        for secret in (owner.client.token, client.token, invited.token):
            assert secret not in text
            assert secret[10:30] not in text


async def test_services_that_are_away_are_told_of_in_plain_words(system: System, owner: Person, store: str) -> None:
    away = {"keys_address": "127.0.0.1:9", "catalog_address": "127.0.0.1:9"}
    async with answering(system, **away) as gateway:
        answer = await gateway.get(f"/admin/{store}/keys", headers=_as(owner))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "Not available just now" in answer.text
    assert answer.headers["x-request-id"] in answer.text
    assert "127.0.0.1:9" not in answer.text


async def test_a_suspended_shop_says_so(system: System, gateway: httpx.AsyncClient, store: str, owner: Person) -> None:
    request = keys_pb2.SuspendStoreRequest(name=store, reason="unpaid")
    await system.operator.keys.SuspendStore(request)
    answer = await gateway.get(f"/admin/{store}/keys", headers=_as(owner))
    assert (answer.status_code, "This shop is suspended" in answer.text) == (403, True)
    listed = await gateway.get("/admin/stores", headers=_as(owner))
    assert "Suspended" in listed.text


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [("/admin/", "/admin"), ("/admin/sign-in/", "/admin/sign-in")],
)
async def test_a_slash_too_many_does_not_matter(gateway: httpx.AsyncClient, path: str, leads_to: str) -> None:
    answer = await gateway.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, leads_to)


async def test_browsers_are_led_to_the_pages_and_programs_are_not(gateway: httpx.AsyncClient) -> None:
    answer = await gateway.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin")
    assert (await gateway.get("/")).status_code == 404


async def test_assets_are_kept_for_ever_under_the_address_that_pages_name(gateway: httpx.AsyncClient) -> None:
    page = (await gateway.get("/admin/sign-in")).text
    links = re.findall(r'(?:href|src)="(/admin/static/[^"]+)"', page)
    assert len(links) >= 3
    for link in links:
        answer = await gateway.get(link)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        unnamed = await gateway.get(link.partition("?")[0])
        assert unnamed.headers["cache-control"] == "no-cache"
        etag = {"If-None-Match": unnamed.headers["etag"]}
        assert (await gateway.get(link, headers=etag)).status_code == 304
    assert (await gateway.get("/admin/static/../site.py")).status_code == 404


async def test_a_form_that_is_too_large_or_none_is_refused(
    system: System, gateway: httpx.AsyncClient, store: str, owner: Person
) -> None:
    path = f"/admin/{store}/keys"
    large = await gateway.post(path, headers=_as(owner), data=_form(system, owner, display_name="x" * 200_000))
    assert (large.status_code, "larger than" in large.text) == (413, True)
    none = await gateway.post(path, headers=_as(owner), json={"csrf": "x"})
    assert (none.status_code, "This form cannot be read" in none.text) == (415, True)


async def _keys(owner: Person, store: str) -> list[keys_pb2.Key]:
    return list((await owner.client.keys.ListKeys(keys_pb2.ListKeysRequest(parent=store))).keys)


def _age_proof(system: System, person: Person, age: timedelta) -> None:
    """Makes it so long ago that the password was given."""
    url = system.settings.keys.keys_database_url.get_secret_value()
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        statement = "UPDATE member_session SET authenticate_time = now() - %s WHERE member_id = %s"
        cursor.execute(statement, (age, person.name.removeprefix("members/")))
    connection.close()
