"""The services as REST: what a partner's developer sees, above all when something is wrong."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate

from gateway import app
from gateway.clients import backends
from gateway.origin import Origins
from services.common.access import service_identity
from services.common.settings import GatewaySettings
from tests.integration.conftest import MAX_BODY
from tests.system import System


@pytest.fixture
async def store(system: System) -> str:
    return await system.new_store()


@pytest.fixture
async def api(system: System, gateway: httpx.AsyncClient, store: str) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway with an API key that may do everything in `store`."""
    _, client = await system.new_key(store)
    headers = {"X-Api-Key": client.token}
    async with httpx.AsyncClient(transport=gateway._transport, base_url=gateway.base_url, headers=headers) as keyed:
        yield keyed


async def test_the_dozen_calls_of_the_design_that_there_are(api: httpx.AsyncClient, store: str) -> None:
    assert (await api.get("/v1/stores")).json()["stores"][0]["name"] == store
    key = (await api.post(f"/v1/{store}/keys", json={"displayName": "Site", "scopes": ["catalog.read"]})).json()
    assert key["secret"].startswith("sdfx_test_")
    listed = (await api.get(f"/v1/{store}/keys", params={"pageSize": 1})).json()
    assert listed["keys"][0]["name"] == key["key"]["name"]
    assert listed["nextPageToken"]
    revoked = await api.post(f"/v1/{key['key']['name']}:revoke", json={})
    assert revoked.json()["key"]["state"] == "STATE_REVOKED"
    made = (await api.post(f"/v1/{store}/products", json={"displayName": "Shea", "price": {"amount": "45"}})).json()
    assert made["price"] == {"currencyCode": "GHS", "amount": "45.00"}
    path = f"/v1/{made['name']}"
    changed = await api.patch(path, params={"updateMask": "price"}, json={"price": {"amount": "48.00"}})
    assert changed.json()["price"]["amount"] == "48.00"
    assert (await api.get(path)).json() == changed.json()
    assert [each["name"] for each in (await api.get(f"/v1/{store}/products")).json()["products"]] == [made["name"]]
    assert (await api.delete(path)).json() == {}
    url = {"url": "http://127.0.0.1:9/hook", "eventTypes": ["product.updated"]}
    endpoint = (await api.post(f"/v1/{store}/webhookEndpoints", json=url)).json()
    assert endpoint["secret"].startswith("whsec_")
    assert (await api.get(f"/v1/{store}/deliveries")).status_code == 200
    assert (await api.delete(f"/v1/{endpoint['webhookEndpoint']['name']}")).status_code == 200


async def test_a_product_is_put_in_place_by_id(api: httpx.AsyncClient, store: str) -> None:
    path = f"/v1/{store}/products/from-elsewhere"
    wanted = {"displayName": "Shito", "stockCount": 4}
    assert (await api.patch(path, json=wanted)).status_code == 404
    for _ in range(2):
        made = await api.patch(path, params={"allowMissing": "true"}, json=wanted)
        assert made.status_code == 200
        assert made.json()["stockCount"] == 4
    assert made.json()["etag"] == "1", "the second time changed nothing"


async def test_an_idempotency_key_makes_a_repeat_harmless(api: httpx.AsyncClient, store: str) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    wanted = {"displayName": "Site", "scopes": ["catalog.read"]}
    first = await api.post(f"/v1/{store}/keys", json=wanted, headers=headers)
    second = await api.post(f"/v1/{store}/keys", json=wanted, headers=headers)
    assert (first.status_code, second.status_code) == (200, 409)
    details = second.json()["error"]["details"]
    assert details[0]["metadata"]["name"] == first.json()["key"]["name"]


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "says"),
    [
        pytest.param("GET", "/v1/nothing", {}, 404, "Nothing is served", id="unknown path"),
        pytest.param("GET", "/v1/{store}/products/none", {}, 404, "no product", id="unknown product"),
        pytest.param("GET", "/v1/stores/st_other", {}, 403, "does not reach", id="another store"),
        pytest.param("GET", "/v1/stores/NO", {}, 403, "does not reach", id="no store at all"),
        pytest.param("PUT", "/v1/{store}/products", {}, 405, "GET", id="wrong method"),
        pytest.param("GET", "/v1/{store}/products?color=red", {}, 400, "color", id="unknown parameter"),
        pytest.param("GET", "/v1/{store}/products?pageSize=many", {}, 400, "pageSize", id="no number"),
        pytest.param("GET", "/v1/{store}/products?pageSize=-1", {}, 400, "page_size", id="negative"),
        pytest.param("GET", "/v1/{store}/products?pageToken=x", {}, 400, "page_token", id="foreign token"),
        pytest.param("POST", "/v1/{store}/products", {"content": b"{"}, 400, "JSON", id="invalid JSON"),
        pytest.param("POST", "/v1/{store}/products", {"content": b"\xff"}, 400, "UTF-8", id="not UTF-8"),
        pytest.param("POST", "/v1/{store}/products", {"json": ["x"]}, 400, "object", id="not an object"),
        pytest.param("POST", "/v1/{store}/products", {"json": {"nam": "x"}}, 400, "nam", id="unknown field"),
        pytest.param(
            "POST", "/v1/{store}/products", {"json": {"displayName": 5}}, 400, "displayName", id="wrong type"
        ),
        pytest.param(
            "POST", "/v1/{store}/products", {"json": {"displayName": "x", "price": {"amount": 5}}}, 400, "price.amount",
            id="price as a number",
        ),
        pytest.param(
            "POST", "/v1/{store}/products", {"json": {"displayName": "x" * MAX_BODY}}, 413, "4096", id="too large"
        ),
        pytest.param("POST", "/v1/{store}/products", {"json": {"displayName": "a\0b"}}, 400, "U+0000", id="NUL"),
        pytest.param(
            "GET", "/v1/{store}/products?pageToken=" + "x" * 9000, {}, 400, "page_token", id="a very long token"
        ),
        pytest.param("POST", "/v1/{store}/products", {"data": {"a": "b"}}, 415, "application/json", id="a form"),
    ],
)  # fmt: skip
async def test_bad_input_gets_an_error_that_says_what_is_wrong(
    api: httpx.AsyncClient, store: str, method: str, path: str, options: dict[str, Any], status: int, says: str
) -> None:
    headers = {} if {"data", "json"} & set(options) else {"Content-Type": "application/json"}
    answer = await api.request(method, path.replace("{store}", store), headers=headers, **options)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert set(error) <= {"code", "status", "message", "details", "requestId"}
    assert error["code"] == status
    assert says in error["message"]
    assert error["requestId"] == answer.headers["x-request-id"]
    listed = await api.get(f"/v1/{store}/products")
    assert "products" not in listed.json(), "nothing was made of it"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic eDp5"},
        {"X-Api-Key": "sdfx_live_" + "a" * 38},
        {"X-Api-Key": ""},
        {"X-Api-Key": "a", "Authorization": "Bearer b"},
        {"Authorization": "Bearer é".encode("latin-1")},
        {"Authorization": b"Bearer a\tb"},
        {"X-Api-Key": "x" * 20_000},
        {"X-Api-Key": "sdfx_svc_catalog_" + "0" * 64},
    ],
)
async def test_without_an_accepted_credential_there_is_401_only(
    gateway: httpx.AsyncClient, store: str, headers: dict[str, Any]
) -> None:
    for path in (f"/v1/{store}/products", "/v1/stores/st_nowhere/products", f"/v1/{store}/keys/none"):
        answer = await gateway.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_services_own_credential_does_not_work_from_outside(
    gateway: httpx.AsyncClient, system: System, store: str
) -> None:
    token = service_identity.token_for("catalog", system.settings.keys.service_secret.get_secret_value())
    assert (await gateway.get(f"/v1/{store}", headers={"Authorization": f"Bearer {token}"})).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/healthz", 405),
        ("DELETE", "/openapi.json", 405),
        ("GET", "/sample-shop/images/none.svg", 404),
        ("POST", "/sample-shop/images/gari.svg", 405),
        ("GET", "/", 404),
    ],
)
async def test_what_is_no_call_of_the_api_is_refused_in_the_same_form(
    gateway: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await gateway.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == status
    assert ("allow" in answer.headers) == (status == 405)


async def test_a_credential_in_the_query_is_not_taken(gateway: httpx.AsyncClient, api: httpx.AsyncClient) -> None:
    token = api.headers["x-api-key"]
    for name in ("key", "api_key", "access_token", "token"):
        answer = await gateway.get("/v1/stores", params={name: token})
        assert answer.status_code in {400, 401}
        assert token not in answer.text


async def test_a_callers_request_id_is_kept_and_a_strange_one_is_not(gateway: httpx.AsyncClient) -> None:
    assert (await gateway.get("/healthz", headers={"X-Request-Id": "my-request-1"})).headers["x-request-id"] == (
        "my-request-1"
    )
    answer = await gateway.get("/v1/stores", headers={"X-Request-Id": "<script>"})
    assert answer.headers["x-request-id"] != "<script>"


async def test_readiness_names_every_service(gateway: httpx.AsyncClient) -> None:
    answer = await gateway.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["services"] == {"keys": "ready", "catalog": "ready", "webhooks": "ready"}


async def test_a_service_that_is_away_is_503_without_its_address(system: System) -> None:
    nowhere = "127.0.0.1:9"
    values = {"keys_address": nowhere, "catalog_address": nowhere, "webhooks_address": nowhere}
    settings = GatewaySettings.model_validate(values | {"service_secret": "s" * 32})
    async with backends(settings) as services:
        built = app.build(services, Origins("s" * 32, 0), max_body_bytes=MAX_BODY, sample_shop=False)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(built), base_url="http://gateway.test") as client:
            assert (await client.get("/healthz")).status_code == 200
            ready = await client.get("/readyz")
            assert ready.status_code == 503
            assert set(ready.json()["services"].values()) == {"not ready"}
            answer = await client.get("/v1/stores", headers={"X-Api-Key": "x"})
            assert answer.status_code == 503
            assert "127.0.0.1" not in answer.text
            assert answer.json()["error"]["status"] == "UNAVAILABLE"
            assert (await client.get("/sample-shop/images/gari.svg")).status_code == 404


async def test_the_description_is_valid_openapi_and_tells_of_every_method(gateway: httpx.AsyncClient) -> None:
    answer = await gateway.get("/openapi.json")
    document = answer.json()
    await asyncio.to_thread(validate, document)  # it takes seconds, in which the services here must renew their leases
    assert "/v1/stores/{store}/keys/{key}:revoke" in document["paths"]
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert all(operation.get("summary") for operation in operations if isinstance(operation, dict))
    assert "VerifyToken" not in json.dumps(document)
    assert (await gateway.get("/openapi.json", headers={"If-None-Match": answer.headers["etag"]})).status_code == 304


async def test_people_sign_in_over_rest_and_sessions_are_listed_and_ended(
    system: System, gateway: httpx.AsyncClient, store: str
) -> None:
    token = (await system.invite(store, "rest@shop.example")).token
    told = await gateway.post("/v1/invitations:lookUp", json={"token": token})
    assert (told.json()["email"], told.json()["role"]) == ("rest@shop.example", "ROLE_OWNER")
    accept = {"token": token, "displayName": "Ama", "password": "kenkey and shito"}
    assert (await gateway.post("/v1/invitations:accept", json=accept)).status_code == 200
    wrong = {"email": "rest@shop.example", "password": "not the password"}
    refused = await gateway.post("/v1/members:signIn", json=wrong)
    assert refused.status_code == 401
    assert refused.json()["error"]["details"][0]["reason"] == "SIGN_IN_NOT_ACCEPTED"
    right = wrong | {"password": accept["password"]}
    headers = {"X-Forwarded-For": "192.0.2.77", "User-Agent": "Firefox"}
    signed_in = (await gateway.post("/v1/members:signIn", json=right, headers=headers)).json()
    own = {"Authorization": f"Bearer {signed_in['token']}"}
    me = (await gateway.get("/v1/members/me", headers=own)).json()
    assert me["memberships"] == [{"store": store, "role": "ROLE_OWNER"}]
    assert (await gateway.get(f"/v1/{store}/products", headers=own)).status_code == 200
    assert len((await gateway.get(f"/v1/{store}/memberships", headers=own)).json()["memberships"]) == 1
    sessions = (await gateway.get("/v1/members/me/sessions", headers=own)).json()["sessions"]
    assert [each.get("current", False) for each in sessions] == [True, False]
    assert (sessions[0]["lastUseAddress"], sessions[0]["lastUseAgent"]) == ("192.0.2.77", "Firefox")
    assert (await gateway.post(f"/v1/{sessions[1]['name']}:end", json={}, headers=own)).status_code == 200
    assert (await gateway.post("/v1/members:signOut", json={}, headers=own)).status_code == 200
    for path in ("/v1/members/me", f"/v1/{store}/products"):
        assert (await gateway.get(path, headers=own)).status_code == 401


async def test_too_many_attempts_get_429_with_when_to_try_again(gateway: httpx.AsyncClient) -> None:
    wanted = {"email": "rest.stranger@shop.example", "password": "x"}
    answers = [await gateway.post("/v1/members:signIn", json=wanted) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 900


async def test_each_process_is_one_line_of_readiness(gateway: httpx.AsyncClient) -> None:
    assert set((await gateway.get("/readyz")).json()["services"]) == {"keys", "catalog", "webhooks"}


async def test_no_secret_of_a_member_is_in_a_path_or_query(gateway: httpx.AsyncClient) -> None:
    """What the description says can be sent: secrets only in bodies."""
    paths = (await gateway.get("/openapi.json")).json()["paths"]
    outside_bodies = {
        parameter["name"] for path in paths.values() for each in path.values() if isinstance(each, dict)
        for parameter in each.get("parameters", [])
    }  # fmt: skip
    assert not outside_bodies & {"token", "password", "newPassword", "code"}
