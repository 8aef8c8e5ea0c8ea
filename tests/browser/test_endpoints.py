"""Webhook endpoints by clicking: made, tried out, set up anew, stopped, removed, and their secrets."""

import re

import pytest
from playwright.async_api import Page, expect
from sedifex.access.v1 import access_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from services.webhooks import signing
from services.webhooks.breaker import TRIP_AFTER
from tests.hooks import NOWHERE, Endpoint, Hooks, delivered, until
from tests.pages import BrowserPage, Check, Look, Shop, Shot, Viewport
from tests.partner import Partner

pytestmark = pytest.mark.usefixtures("worker")
WAYS = pytest.mark.parametrize(("viewport", "javascript"), [("phone", True), ("phone", False), ("desktop", True)])


@pytest.fixture
def hooks(shop: Shop) -> Hooks:
    return Hooks.of_store(shop.system, shop.store)


async def _endpoints(hooks: Hooks) -> list[Endpoint]:
    request = webhooks_pb2.ListWebhookEndpointsRequest(parent=hooks.store)
    return list((await hooks.stub.ListWebhookEndpoints(request)).webhook_endpoints)


def _at(shop: Shop, endpoint: Endpoint, *more: str) -> str:
    return shop.url("webhooks", endpoint.name.rpartition("/")[2], *more)


async def _confirm(page: Page, summary: str, button: str) -> None:
    await page.get_by_text(summary, exact=True).click()
    await page.get_by_role("button", name=button).click()


@WAYS
async def test_an_endpoint_is_made_and_tried_out(
    shop: Shop,
    hooks: Hooks,
    partner: Partner,
    browser_page: BrowserPage,
    viewport: Viewport,
    javascript: bool,
    look: Look,
    shot: Shot,
) -> None:
    page = await browser_page(viewport, javascript=javascript)
    await shop.enter(page)
    await shop.forget_proof()
    await page.goto(shop.url("webhooks"))
    if javascript:
        await look(page, f"webhooks-none-{viewport}")
    await page.get_by_role("link", name="Add the first endpoint").click()
    await page.get_by_label("URL").fill(partner.url)
    await page.get_by_label("Name").fill("Price screens")
    await page.get_by_label("Only those that I choose").check()
    await page.get_by_label("product.updated").check()
    if javascript:
        await look(page, f"webhooks-new-{viewport}")
    await page.get_by_role("button", name="Create endpoint").click()
    await page.get_by_label("Your password").fill(shop.owner.password)
    await page.get_by_role("button", name="Go on").click()
    secret = await page.get_by_label("Signing secret", exact=True).inner_text()
    if javascript:
        await look(page, f"webhooks-secret-{viewport}")
        await page.reload()
        await expect(page.get_by_role("heading", name="The secret was shown once already")).to_be_visible()
        assert secret not in await page.content()
    else:
        await page.get_by_label("I have stored it").check()
    await page.get_by_role("link", name="To the endpoint").click()
    (made,) = await _endpoints(hooks)
    assert (made.display_name, list(made.event_types)) == ("Price screens", ["product.updated"])

    partner.may_answer.clear()
    await page.get_by_role("button", name="Send a test event").click()
    await expect(page.get_by_text("The test event is on its way")).to_be_visible()
    sent = await delivered(partner)
    signing.verify(sent.headers, sent.body, secret, now=int(sent.headers["webhook-timestamp"]))
    if javascript:
        await shot(page, f"webhooks-testing-{viewport}")
    partner.may_answer.set()
    # By itself: by the script, or by the page's own refresh.
    await expect(page.get_by_text("Arrived")).to_be_visible()
    await expect(page.get_by_text("204 No Content")).to_be_visible()
    if javascript:
        await look(page, f"webhooks-tested-{viewport}")


@pytest.mark.parametrize("viewport", ["phone", "desktop"])
async def test_the_list_says_how_each_does(
    shop: Shop,
    hooks: Hooks,
    partner: Partner,
    browser_page: BrowserPage,
    viewport: Viewport,
    shot: Shot,
    check_accessible: Check,
) -> None:
    failing = await hooks.endpoint(partner.url, display_name="Accounting")
    partner.answers[:] = [503] * TRIP_AFTER
    await hooks.publish(*(hooks.event(product_id=f"prod_{n}") for n in range(TRIP_AFTER)))
    await until(lambda: hooks.get(failing.name), lambda seen: seen.health.level == Endpoint.Health.LEVEL_FAILING)
    await hooks.disable((await hooks.endpoint(display_name="Old price screens")).name)
    await hooks.endpoint("http://127.0.0.1:9/sync", event_types=["product.updated", "key.revoked"])
    page = await browser_page(viewport)
    await shop.enter(page)
    await page.goto(shop.url("webhooks"))
    await expect(page.locator(".hook").first).to_contain_text("Failing")
    await expect(page.locator(".hook").first).to_contain_text("Nothing has succeeded since")
    await expect(page.locator(".hook").nth(1)).to_contain_text("Disabled by hand.")
    await check_accessible(page)
    await shot(page, f"webhooks-list-{viewport}")
    await page.get_by_role("link", name="Accounting").click()
    await expect(page.get_by_role("heading", name="Deliveries fail")).to_be_visible()
    await check_accessible(page)
    await shot(page, f"webhooks-failing-{viewport}")
    await page.get_by_role("link", name="See what failed").click()
    await expect(page.locator("#log")).to_contain_text("Will be retried")


async def test_faults_of_a_new_endpoint_stand_at_their_fields(
    shop: Shop, hooks: Hooks, browser_page: BrowserPage, check_accessible: Check
) -> None:
    page = await browser_page("phone")
    await shop.enter(page)
    await page.goto(shop.url("webhooks", "new"))
    await page.get_by_label("URL").fill("https://10.0.0.7/hooks")
    await page.get_by_label("Only those that I choose").check()
    await page.get_by_role("button", name="Create endpoint").click()
    await expect(page.get_by_text("Choose at least one type")).to_be_visible()
    await page.get_by_label("product.created").check()
    await page.get_by_text("More settings").click()
    await page.get_by_label("Deliveries a second").fill("2000")
    await page.get_by_role("button", name="Create endpoint").click()
    await expect(page.get_by_label("Deliveries a second")).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("Deliveries a second").fill("")
    await page.get_by_role("button", name="Create endpoint").click()
    await expect(page.get_by_text("Deliveries cannot be sent to this host")).to_be_visible()
    await check_accessible(page)
    assert await _endpoints(hooks) == []


async def test_two_who_change_one_endpoint_see_each_other(
    shop: Shop, hooks: Hooks, browser_page: BrowserPage, shot: Shot, check_accessible: Check
) -> None:
    made = await hooks.endpoint(display_name="Till")
    page = await browser_page()
    await shop.enter(page)
    await page.goto(_at(shop, made, "settings"))
    changed = Endpoint(name=made.name, display_name="Till 2")
    await hooks.stub.UpdateWebhookEndpoint(webhooks_pb2.UpdateWebhookEndpointRequest(webhook_endpoint=changed))
    await page.get_by_label("Name").fill("Till 3")
    await page.get_by_role("button", name="Save settings").click()
    await expect(page.get_by_text("Somebody else has changed this endpoint")).to_be_visible()
    await expect(page.get_by_role("row", name=re.compile("Name Till 2 Till 3"))).to_be_visible()
    assert (await hooks.get(made.name)).display_name == "Till 2"
    await check_accessible(page)
    await shot(page, "webhooks-conflict-desktop")
    await page.get_by_role("button", name="Save settings").click()
    await expect(page.get_by_text("The settings are saved.")).to_be_visible()
    assert (await hooks.get(made.name)).display_name == "Till 3"


@WAYS
async def test_a_secret_is_changed_while_both_sign(
    shop: Shop,
    hooks: Hooks,
    partner: Partner,
    browser_page: BrowserPage,
    viewport: Viewport,
    javascript: bool,
    look: Look,
) -> None:
    made = await hooks.create(partner.url, display_name="Till")
    page = await browser_page(viewport, javascript=javascript)
    await shop.enter(page)
    await page.goto(_at(shop, made.webhook_endpoint))
    await page.get_by_role("link", name="Change the secret").click()
    if javascript:
        await look(page, f"webhooks-rotate-{viewport}")
    await page.get_by_label("One day").check()
    await page.get_by_role("button", name="Make the new secret").click()
    new = await page.get_by_label("Signing secret", exact=True).inner_text()
    await page.get_by_label("I have stored it").check()
    await page.get_by_role("link", name="Go on").click()
    await expect(page.get_by_role("heading", name="Both secrets sign")).to_be_visible()
    if javascript:
        await look(page, f"webhooks-rotating-{viewport}")
    await hooks.publish()
    sent = await delivered(partner)
    for secret in (made.secret, new):
        signing.verify(sent.headers, sent.body, secret, now=int(sent.headers["webhook-timestamp"]))
    await _confirm(page, "Replace both…", "Replace both now")
    third = await page.get_by_label("Signing secret", exact=True).inner_text()
    (live,) = (await hooks.get(made.webhook_endpoint.name)).secrets
    assert third.endswith(live.hint[-4:])


async def test_an_endpoint_is_deleted(shop: Shop, hooks: Hooks, browser_page: BrowserPage) -> None:
    made = await hooks.endpoint(display_name="Till")
    page = await browser_page("phone", javascript=False)
    await shop.enter(page)
    await page.goto(_at(shop, made))
    await _confirm(page, "Delete…", "Delete it for good")
    await expect(page.get_by_text("The endpoint is deleted.")).to_be_visible()
    assert await _endpoints(hooks) == []


async def test_staff_look_and_change_nothing(shop: Shop, hooks: Hooks, browser_page: BrowserPage) -> None:
    made = await hooks.endpoint(NOWHERE, display_name="Till")
    page = await browser_page()
    await shop.enter(page, await shop.new_person(access_pb2.ROLE_STAFF))
    await page.goto(shop.url("webhooks"))
    await page.get_by_role("link", name="Till").click()
    await expect(page.get_by_role("heading", name="Till")).to_be_visible()
    await expect(page.locator("main").get_by_role("button")).to_have_count(0)
    await expect(page.get_by_role("link", name="Settings")).to_have_count(0)
    await page.goto(_at(shop, made, "secret"))
    await expect(page.get_by_role("heading", name="Your role does not allow this")).to_be_visible()
