"""The reference: what it says of the API, and that it can be read and tried in a browser that reaches nobody else."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from playwright.async_api import Page, Request, async_playwright

from tests.system import System

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
WAIT_MS = 60_000


@pytest.fixture(scope="session")
async def document(gateway: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await gateway.get("/openapi.json")).json()
    return found


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The operations, by id."""
    return {each["operationId"]: each for path in document["paths"].values() for each in path.values()}


def test_who_may_call_is_said_as_the_access_rule_has_it(document: dict[str, Any]) -> None:
    found = operations(document)
    listing = found["CatalogService_ListProducts"]
    assert listing["description"].endswith(
        "**Who may call:** an API key with the scope `catalog.read`; a member of the shop; an operator of Sedifex."
    )
    assert "security" not in listing, "any of the document's credentials"
    assert found["MembersService_SignIn"]["security"] == []
    assert document["security"] == [{"bearer": []}, {"apiKey": []}]
    for name, each in found.items():
        is_public = each.get("security") == []
        assert is_public or {"401", "403", "429"} <= set(each["responses"]), name


def test_every_call_is_described_and_its_failures_have_the_one_form(document: dict[str, Any]) -> None:
    for name, each in operations(document).items():
        assert each["summary"], name
        assert "default" not in each["responses"], name
        for status, response in each["responses"].items():
            if "$ref" in response:
                shown = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
                example = shown["content"]["application/json"]["example"]
                jsonschema.validate(example, document["components"]["schemas"]["Error"])
                assert example["error"]["code"] == int(status)


def test_that_an_answer_may_tell_when_the_key_ends_is_said_where_a_key_may_call(document: dict[str, Any]) -> None:
    for name, each in operations(document).items():
        may_call = "an API key with the scope" in each.get("description", "")
        told = {
            status for status, found in each["responses"].items() if "X-Sedifex-Key-Expires" in found.get("headers", ())
        }
        assert told == (each["responses"].keys() & {"200", "304"} if may_call else set()), name
    assert document["components"]["headers"]["X-Sedifex-Key-Expires"]["schema"]["format"] == "date-time"


def test_too_many_requests_and_what_to_do_then_are_described(document: dict[str, Any]) -> None:
    headers = document["components"]["responses"]["TooManyRequests"]["headers"]
    assert {"Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} <= set(headers)
    for reason in ("RATE_LIMITED", "TOO_MANY_REFUSALS"):
        assert reason in document["info"]["description"]


def test_rules_of_the_contract_are_words_of_json_schema(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["Product"]["properties"]["displayName"]["maxLength"] == 200
    assert schemas["Product"]["properties"]["images"]["maxItems"] == 10
    assert schemas["Money"]["properties"]["amount"]["pattern"] == "^[0-9]{1,12}([.][0-9]{1,2})?$"
    assert schemas["Store"]["properties"]["country"]["pattern"] == "^$|^[A-Z]{2}$"
    product = operations(document)["CatalogService_GetProduct"]["parameters"][1]
    assert product["schema"]["pattern"] == "^[A-Za-z0-9_-]{1,64}$"


def test_comments_name_fields_as_json_does(document: dict[str, Any]) -> None:
    text = operations(document)["CatalogService_ListProductChanges"]["description"]
    assert "nextCursor" in text
    assert "next_cursor" not in text


def test_examples_fit_the_schemas_they_stand_beside(document: dict[str, Any]) -> None:
    count = 0
    for name, each in operations(document).items():
        places = [each.get("requestBody"), each["responses"]["200"]]
        for content in [place["content"].get("application/json", {}) for place in places if place]:
            if "example" in content:
                jsonschema.validate(content["example"], {**content["schema"], "components": document["components"]})
                assert set(content["example"]) <= set(_properties(content["schema"], document)), name
                count += 1
    assert count >= 10


def _properties(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    found: dict[str, Any] = schema["properties"]
    return found


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
async def test_pages_of_the_reference_are_kept_and_asked_for_anew(gateway: httpx.AsyncClient, path: str) -> None:
    first = await gateway.get(path)
    assert first.headers["cache-control"] == "public, max-age=300"
    again = await gateway.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await gateway.head(path)).content == b""
    plain = await gateway.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == first.text
    assert (await gateway.post(path)).status_code == 405


async def test_assets_have_addresses_that_never_mean_anything_else(gateway: httpx.AsyncClient) -> None:
    page = (await gateway.get("/docs")).text
    address = page.partition('src="')[2].partition('"')[0]
    answer = await gateway.get(address)
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    folder = address.rpartition("/")[0]
    for name in ("none.js", "docs.html", "..%2Fpages.py", "../../../openapi.json.js"):
        assert (await gateway.get(f"{folder}/{name}")).status_code == 404


class Visit:
    """A page in a browser that may reach the gateway only; it remembers what it was asked to load."""

    def __init__(self, page: Page, gateway: str) -> None:
        self.page = page
        self.gateway = gateway
        self.requests: list[Request] = []
        self.elsewhere: list[str] = []
        self.complaints: list[str] = []

    async def begin(self) -> None:
        """Watches the page from here on."""
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        await self.page.route("**/*", self._pass_on)

    async def _pass_on(self, route: Any) -> None:
        self.requests.append(route.request)
        if route.request.url.startswith((self.gateway, "data:")):
            await route.continue_()
        else:
            self.elsewhere.append(route.request.url)
            await route.abort()


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desktop", "phone"])
async def visit(request: pytest.FixtureRequest, live_gateway: str) -> AsyncIterator[Visit]:
    if CHROMIUM is None:
        pytest.skip("no chromium; on Debian: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        width, height = request.param
        page = await browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(WAIT_MS)
        visit = Visit(page, live_gateway)
        await visit.begin()
        yield visit
        await browser.close()


@pytest.mark.timeout(300)
async def test_the_reference_is_read_and_tried_out_and_nothing_leaves_the_machine(
    visit: Visit, system: System, tmp_path: Path
) -> None:
    store = await system.new_store()
    _, client = await system.new_key(store, ["catalog.read"])
    page = visit.page
    folder = Path(os.environ.get("SEDIFEX_SCREENSHOTS", tmp_path))
    width = page.viewport_size["width"] if page.viewport_size else 0
    await page.goto(f"{visit.gateway}/docs")
    await page.get_by_role("button", name="Authorize").first.wait_for()
    await page.screenshot(path=folder / f"reference-{width}.png")
    await page.get_by_role("button", name="Authorize").first.click()
    await page.locator("#api_key_value").fill(client.token)
    await page.locator(".auth-container").last.get_by_role("button", name="Apply credentials").click()
    await page.locator(".modal-ux").get_by_role("button", name="Close").last.click()
    call = page.locator("#operations-Catalog-CatalogService_ListStores")
    if not await call.is_visible():
        await page.locator("#operations-tag-Catalog").click()
    await call.locator(".opblock-summary-control").click()
    await call.get_by_role("button", name="Try it out").click()
    await call.get_by_role("button", name="Execute").click()
    await call.locator(".live-responses-table .response-col_status").get_by_text("200").first.wait_for()
    await page.screenshot(path=folder / f"reference-call-{width}.png")
    assert store in (await call.locator(".live-responses-table").inner_text())
    sent = [each for each in visit.requests if each.url.partition("?")[0].endswith("/v1/stores")]
    assert [await each.header_value("x-api-key") for each in sent] == [client.token]
    assert visit.elsewhere == []
    assert visit.complaints == [], "among them what the content security policy has stopped"
    assert client.token not in await page.content(), "pages end up in screenshots"
    assert not [each.url for each in visit.requests if client.token in each.url]
    assert client.token not in page.url
    kept = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert kept == '[{},{},""]'
