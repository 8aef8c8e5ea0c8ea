"""The services as REST: what a partner's developer sees, above all when something is wrong."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate
from sedifex.keys.v1 import keys_pb2

from gateway import app
from gateway.clients import backends
from services.common.access import service_identity
from services.common.settings import GatewaySettings
from tests.integration.conftest import MAX_BODY
from tests.system import System, random_secret


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


async def test_an_answer_tells_when_the_key_that_was_sent_stops_working(
    system: System, gateway: httpx.AsyncClient, store: str
) -> None:
    """A website that nobody tells of a rotation notices it, also where nothing has changed."""
    key, old = await system.new_key(store)
    path, headers = f"/v1/{store}/products", {"X-Api-Key": old.token}
    before = await gateway.get(path, headers=headers)
    assert "X-Sedifex-Key-Expires" not in before.headers
    rotated = await system.operator.keys.RotateKey(keys_pb2.RotateKeyRequest(name=key.name))
    ends = rotated.key.secrets[1].end_time.ToDatetime().strftime("%Y-%m-%dT%H:%M:%SZ")
    after = await gateway.get(path, headers=headers | {"If-None-Match": before.headers["ETag"]})
    assert (after.status_code, after.headers["X-Sedifex-Key-Expires"]) == (304, ends)
    assert (await gateway.get(path, headers=headers)).headers["X-Sedifex-Key-Expires"] == ends
    assert "X-Sedifex-Key-Expires" not in (await gateway.get(path, headers={"X-Api-Key": rotated.secret})).headers


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
        pytest.param("GET", "/v1/{store}/products?pageSize=-1", {}, 400, "pageSize", id="negative"),
        pytest.param("GET", "/v1/{store}/products?pageToken=x", {}, 400, "pageToken", id="foreign token"),
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
            "GET", "/v1/{store}/products?pageToken=" + "x" * 9000, {}, 400, "pageToken", id="a very long token"
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
    settings = GatewaySettings.model_validate(values | {"service_secret": random_secret()})
    async with backends(settings) as services:
        built = app.build(settings, services)
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


async def test_the_guide_is_served_where_there_is_one(system: System, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("the first page")
    shared = system.settings.keys.model_dump(include={"keys_address", "catalog_address", "webhooks_address"})
    own = {"service_secret": random_secret(), "gateway_guide": tmp_path}
    async with backends(GatewaySettings.model_validate(shared | own)) as services:
        for guide, status in ((tmp_path, 200), (None, 404)):
            settings = GatewaySettings.model_validate(shared | own | {"gateway_guide": guide})
            transport = httpx.ASGITransport(app.build(settings, services))
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
                assert (await client.get("/guide/")).status_code == status


async def test_the_description_is_valid_openapi_and_tells_of_every_method(gateway: httpx.AsyncClient) -> None:
    answer = await gateway.get("/openapi.json")
    document = answer.json()
    await asyncio.to_thread(validate, document)  # it takes seconds, in which the services here must renew their leases
    assert "/v1/stores/{store}/keys/{key}:revoke" in document["paths"]
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert all(operation.get("summary") for operation in operations if isinstance(operation, dict))
    assert "VerifyToken" not in json.dumps(document)
    assert (await gateway.get("/openapi.json", headers={"If-None-Match": answer.headers["etag"]})).status_code == 304


@pytest.fixture
async def product(api: httpx.AsyncClient, store: str) -> dict[str, Any]:
    """A product in `store`, as its shop sees it."""
    made = await api.post(f"/v1/{store}/products", json={"displayName": "Shea", "price": {"amount": "45"}})
    found: dict[str, Any] = made.json()
    return found


@pytest.mark.parametrize("feed", ["products", "products:changes"])
async def test_a_feed_is_304_until_something_changes(
    api: httpx.AsyncClient, store: str, product: dict[str, Any], feed: str
) -> None:
    first = await api.get(f"/v1/{store}/{feed}")
    assert first.json()["etag"] == first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "Authorization, X-Api-Key"
    assert "notModified" not in first.json()
    condition = {"If-None-Match": first.headers["etag"]}
    for method in ("GET", "HEAD"):
        same = await api.request(method, f"/v1/{store}/{feed}", headers=condition)
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (await api.get(f"/v1/{store}/{feed}")).content == first.content
    await api.patch(f"/v1/{product['name']}", json={"displayName": "Shea butter"})
    changed = await api.get(f"/v1/{store}/{feed}", headers=condition)
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]
    assert "Shea butter" in changed.text


async def test_a_key_of_another_store_gets_nothing_of_a_remembered_answer(
    api: httpx.AsyncClient, gateway: httpx.AsyncClient, system: System, store: str, product: dict[str, Any]
) -> None:
    first = await api.get(f"/v1/{store}/products")
    elsewhere = await system.new_store()
    _, other = await system.new_key(elsewhere)
    for condition in ({}, {"If-None-Match": first.headers["etag"]}, {"If-None-Match": "*"}):
        headers = {"X-Api-Key": other.token, **condition}
        refused = await gateway.get(f"/v1/{store}/products", headers=headers)
        assert refused.status_code == 403
        assert "etag" not in refused.headers
        assert "Shea" not in refused.text
    own = await gateway.get(f"/v1/{elsewhere}/products", headers={"X-Api-Key": other.token})
    assert "products" not in own.json()


async def test_a_revoked_key_is_401_although_the_answer_is_remembered(
    gateway: httpx.AsyncClient, system: System, store: str, product: dict[str, Any]
) -> None:
    key, client = await system.new_key(store)
    headers = {"X-Api-Key": client.token}
    first = await gateway.get(f"/v1/{store}/products", headers=headers)
    assert (await gateway.get(f"/v1/{store}/products", headers=headers)).content == first.content
    await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
    for condition in ({}, {"If-None-Match": first.headers["etag"]}):
        refused = await gateway.get(f"/v1/{store}/products", headers=headers | condition)
        assert refused.status_code == 401
        assert "Shea" not in refused.text


async def test_while_a_key_polls_all_the_time_a_write_is_seen_and_a_revocation_holds_at_once(
    gateway: httpx.AsyncClient, system: System, store: str, product: dict[str, Any]
) -> None:
    """Requests of one key that come at the same time share calls: never one that began before they were made."""
    key, client = await system.new_key(store)
    headers = {"X-Api-Key": client.token}
    feed = f"/v1/{store}/products"
    known = headers | {"If-None-Match": (await gateway.get(feed, headers=headers)).headers["etag"]}
    done = asyncio.Event()

    async def poll() -> set[int]:
        statuses = set()
        while not done.is_set():
            statuses.add((await gateway.get(feed, headers=known)).status_code)
        return statuses

    pollers = [asyncio.create_task(poll()) for _ in range(8)]
    for number in range(10):
        change = {"displayName": f"Shea {number}"}
        written = await gateway.patch(f"/v1/{product['name']}", json=change, headers=headers)
        assert written.status_code == 200
        seen = await asyncio.gather(*(gateway.get(feed, headers=known) for _ in range(3)))
        assert all(f"Shea {number}" in each.text for each in seen)
        known["If-None-Match"] = seen[0].headers["etag"]
    await system.operator.keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
    refused = await asyncio.gather(*(gateway.get(feed, headers=known) for _ in range(5)))
    assert [each.status_code for each in refused] == [401] * 5
    done.set()
    assert set.union(*await asyncio.gather(*pollers)) <= {200, 304, 401}


@pytest.mark.parametrize("feed", ["products", "products:changes"])
async def test_integrations_and_operators_each_get_what_they_may_see(
    api: httpx.AsyncClient, gateway: httpx.AsyncClient, system: System, store: str, product: dict[str, Any], feed: str
) -> None:
    draft = {"displayName": "Secret plan", "status": "STATUS_DRAFT"}
    operator = {"Authorization": f"Bearer {system.operator.token}"}
    assert (await gateway.post(f"/v1/{store}/products", json=draft, headers=operator)).status_code == 200
    etags = set()
    for _ in range(3):
        seen_by_integration = await api.get(f"/v1/{store}/{feed}")
        assert "Shea" in seen_by_integration.text
        assert "Secret plan" not in seen_by_integration.text
        for condition in ({}, {"If-None-Match": seen_by_integration.headers["etag"]}):
            seen_by_operator = await gateway.get(f"/v1/{store}/{feed}", headers=operator | condition)
            assert "Secret plan" in seen_by_operator.text
        etags |= {seen_by_integration.headers["etag"], seen_by_operator.headers["etag"]}
    assert len(etags) == 2


async def test_a_product_is_304_by_its_etag(api: httpx.AsyncClient, product: dict[str, Any]) -> None:
    path = f"/v1/{product['name']}"
    first = await api.get(path)
    assert first.headers["etag"] == f'"{product["etag"]}"'
    same = await api.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    await api.patch(path, json={"displayName": "Shea butter"})
    assert (await api.get(path, headers={"If-None-Match": first.headers["etag"]})).status_code == 200


async def test_a_key_is_never_304_for_it_shows_what_holds_now(api: httpx.AsyncClient, store: str) -> None:
    listed = (await api.get(f"/v1/{store}/keys")).json()["keys"]
    shown = await api.get(f"/v1/{listed[0]['name']}", headers={"If-None-Match": "*"})
    assert shown.status_code == 200
    assert shown.headers["etag"] == f'"{listed[0]["etag"]}"'
    assert shown.headers["cache-control"] == "no-store"


async def test_a_change_under_if_match_is_412_once_somebody_else_was_faster(
    api: httpx.AsyncClient, store: str, product: dict[str, Any]
) -> None:
    path, read = f"/v1/{product['name']}", {"If-Match": f'"{product["etag"]}"'}
    first = await api.patch(path, json={"displayName": "Mine"}, headers=read)
    assert first.status_code == 200
    late = await api.patch(path, json={"displayName": "Yours"}, headers=read)
    error = late.json()["error"]
    assert (late.status_code, error["code"], error["status"]) == (412, 412, "ABORTED")
    assert error["details"][0]["reason"] == "ETAG_MISMATCH"
    in_body = await api.patch(path, json={"displayName": "Yours", "etag": product["etag"]})
    assert (in_body.status_code, in_body.json()["error"]["status"]) == (409, "ABORTED")
    assert (await api.get(path)).json()["displayName"] == "Mine"
    again = await api.patch(path, json={"displayName": "Yours"}, headers={"If-Match": first.headers["etag"]})
    assert again.status_code == 200


async def test_a_key_is_changed_under_if_match(api: httpx.AsyncClient, store: str) -> None:
    listed = (await api.get(f"/v1/{store}/keys")).json()["keys"]
    path, read = f"/v1/{listed[0]['name']}", {"If-Match": f'"{listed[0]["etag"]}"'}
    assert (await api.patch(path, json={"displayName": "Website"}, headers=read)).status_code == 200
    assert (await api.patch(path, json={"displayName": "Shop"}, headers=read)).status_code == 412


async def test_a_deletion_under_if_match(api: httpx.AsyncClient, product: dict[str, Any]) -> None:
    path = f"/v1/{product['name']}"
    changed = await api.patch(path, json={"displayName": "Shea butter"})
    stale = await api.delete(path, headers={"If-Match": f'"{product["etag"]}"'})
    assert (stale.status_code, stale.json()["error"]["status"]) == (412, "ABORTED")
    assert (await api.get(path)).status_code == 200
    assert (await api.delete(path, headers={"If-Match": changed.headers["etag"]})).status_code == 200
    assert (await api.get(path)).status_code == 404
