"""A shop's first page by clicking: the way in for a new shop, what needs attention, how the day went."""

from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from playwright.async_api import Page, expect
from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from tests.integration.importing import import_file
from tests.pages import BrowserPage, Check, Shop, Shot, Viewport
from tests.partner import Partner


async def put_on_shelf(shop: Shop, *names: str) -> None:
    """Adds products."""
    products = [catalog_pb2.Product(display_name=each, sku=each) for each in names]
    request = catalog_pb2.BatchUpsertProductsRequest(parent=shop.store, products=products)
    await shop.owner.client.catalog.BatchUpsertProducts(request)


async def add_endpoint(shop: Shop, url: str, name: str) -> webhooks_pb2.WebhookEndpoint:
    """Registers an endpoint."""
    request = webhooks_pb2.CreateWebhookEndpointRequest(parent=shop.store, url=url, display_name=name)
    made: webhooks_pb2.CreateWebhookEndpointResponse = await shop.owner.client.webhooks.CreateWebhookEndpoint(request)
    return made.webhook_endpoint


async def shows(page: Page, text: str) -> None:
    """Loads the page until it shows the text: what is counted is told within some seconds."""
    for _ in range(300):
        if await page.get_by_text(text).count():
            return
        await page.wait_for_timeout(100)
        await page.reload()
    raise AssertionError(f"{text} did not show")


@pytest.mark.parametrize(("viewport", "javascript"), [("phone", True), ("desktop", False)])
async def test_a_new_shop_is_shown_the_way(
    shop: Shop, browser_page: BrowserPage, viewport: Viewport, javascript: bool, shot: Shot, check_accessible: Check
) -> None:
    page = await browser_page(viewport, javascript=javascript)
    await shop.enter(page)
    await page.goto(shop.gateway)
    steps = page.get_by_role("listitem").filter(has=page.locator(".check-mark"))
    await expect(steps).to_have_count(4)
    await shot(page, f"overview-new-{viewport}")
    if javascript:
        await check_accessible(page)
    await put_on_shelf(shop, "Shea")
    await page.reload()
    await expect(steps.filter(has_text="Add your products: done")).to_have_count(1)
    await page.get_by_role("link", name="Connect", exact=True).click()
    await expect(page.get_by_role("heading", name="Connect WordPress")).to_be_visible()


@pytest.mark.parametrize("viewport", ["phone", "desktop"])
async def test_what_needs_attention_comes_first_and_leads_to_its_remedy(
    shop: Shop,
    browser_page: BrowserPage,
    viewport: Viewport,
    partner: Partner,
    worker: None,
    shot: Shot,
    check_accessible: Check,
) -> None:
    end = Timestamp()
    end.FromDatetime(datetime.now(UTC) + timedelta(days=3, hours=1))
    key, client = await shop.system.new_key(shop.store, ["catalog.read"], expire_time=end)
    await add_endpoint(shop, partner.url, "Stock board")
    off = await add_endpoint(shop, "http://127.0.0.1:9/", "Old app")
    await shop.owner.client.webhooks.DisableWebhookEndpoint(webhooks_pb2.DisableWebhookEndpointRequest(name=off.name))
    await import_file(shop.owner.client, shop.store, "Name,Price\nShea,45\nMilo,cheap\nGari,12\n")
    for _ in range(3):
        await client.catalog.ListProducts(catalog_pb2.ListProductsRequest(parent=shop.store))
    page = await browser_page(viewport)
    await shop.enter(page)
    await page.goto(shop.url())
    await shows(page, "Requests with keys")
    await shows(page, "Delivered 2")
    matters = page.locator(".matter")
    await expect(matters.nth(0)).to_contain_text("The key “Test” ends in 3 days")
    await expect(matters.nth(1)).to_contain_text("1 row of “shop.csv” was refused")
    await expect(matters.nth(2)).to_contain_text("“Old app” is turned off")
    await shot(page, f"overview-{viewport}")
    await check_accessible(page)
    await page.emulate_media(color_scheme="dark")
    await shot(page, f"overview-{viewport}-dark")
    await matters.nth(1).get_by_role("link").click()
    await expect(page.get_by_text("“cheap” is not an amount")).to_be_visible()
    await page.go_back()
    await matters.nth(0).get_by_role("link").click()
    await expect(page.get_by_label("Last day")).to_be_visible()
    assert key.name.rpartition("/")[2] in page.url


async def test_a_shop_in_which_all_is_well_says_so(
    shop: Shop, browser_page: BrowserPage, shot: Shot, check_accessible: Check
) -> None:
    await put_on_shelf(shop, "Shea")
    await shop.system.new_key(shop.store, ["catalog.read"])
    page = await browser_page("phone")
    await shop.enter(page, await shop.new_person(access_pb2.ROLE_STAFF))
    await page.goto(shop.url())
    await expect(page.get_by_text("All is well.")).to_be_visible()
    await expect(page.get_by_text("No requests in the last 24 hours")).to_be_visible()
    await check_accessible(page)
    await shot(page, "overview-calm-phone")
