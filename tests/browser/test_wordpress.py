"""Connecting WordPress by clicking: the plugin, one code, a checklist that turns green as the site comes alive."""

import asyncio
import zipfile
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from gateway import connection_code
from tests.pages import BrowserPage, Check, Shop, Shot, Viewport

AGENT = "Sedifex-WordPress/0.1.0 WordPress/6.9"
BOTH = pytest.mark.parametrize(("viewport", "javascript"), [("phone", True), ("desktop", False)])


async def use_code(shop: Shop, code: str) -> None:
    """What the plugin does with a code: it reads the products, and asks to be told of changes."""
    site = shop.system.from_("203.0.113.9", connection_code.read(code).key, AGENT)
    await site.catalog.ListProductChanges(catalog_pb2.ListProductChangesRequest(parent=shop.store))
    url = "https://www.makola.example/wp-json/sedifex/v1/webhook/con_1"
    request = webhooks_pb2.CreateWebhookEndpointRequest(parent=shop.store, url=url, display_name="WordPress")
    await site.webhooks.CreateWebhookEndpoint(request)


async def is_green(page: Page, *, javascript: bool) -> None:
    """Waits for the checklist; whoever has no script reloads the page."""
    connected = page.get_by_text("Connected", exact=True)
    if javascript:
        await expect(connected).to_be_visible()
        return
    for _ in range(300):
        if await connected.count():
            return
        await page.wait_for_timeout(100)
        await page.reload()
    raise AssertionError("the checklist did not turn green")


@BOTH
async def test_a_code_is_made_and_the_checklist_turns_green(
    shop: Shop,
    browser_page: BrowserPage,
    viewport: Viewport,
    javascript: bool,
    plugin_zip: Path,
    shot: Shot,
    check_accessible: Check,
) -> None:
    with zipfile.ZipFile(plugin_zip, "w") as file:
        file.writestr("sedifex/sedifex.php", "<?php\n/**\n * Plugin Name: Sedifex\n * Version:     1.2.3\n */\n")
    page = await browser_page(viewport, javascript=javascript)
    await shop.enter(page)
    await page.goto(shop.url("wordpress"))
    await expect(page.get_by_text("version 1.2.3")).to_be_visible()
    guide = page.get_by_role("link", name="Step by step, with pictures")
    await expect(guide).to_have_attribute("href", "/guide/wordpress.html")
    async with page.expect_download() as coming:
        await page.get_by_role("link", name="Download the plugin").click()
    assert zipfile.ZipFile(await (await coming.value).path()).namelist() == ["sedifex/sedifex.php"]
    await shot(page, f"wordpress-{viewport}")
    if javascript:
        await check_accessible(page)
    await page.get_by_label("Your website’s address").fill("https://makola.example/shop")
    await page.get_by_role("button", name="Make the code").click()
    code = await page.get_by_role("textbox", name="connection code").inner_text()
    assert connection_code.read(code).address == shop.gateway
    assert code not in page.url
    await shot(page, f"wordpress-code-{viewport}")
    if javascript:
        await check_accessible(page)
    await page.get_by_label("I have pasted it").check()
    await page.get_by_role("link", name="See the checklist").click()
    await expect(page.get_by_role("heading", name="makola.example")).to_be_visible()
    await expect(page.get_by_text("Being connected")).to_be_visible()
    assert code not in await page.content()
    await shot(page, f"wordpress-waiting-{viewport}")
    await use_code(shop, code)
    await is_green(page, javascript=javascript)
    await expect(page.get_by_text("The site will be told of the next change.")).to_be_visible()
    await shot(page, f"wordpress-connected-{viewport}")
    if javascript:
        await check_accessible(page)


async def test_a_code_reads_products_and_changes_nothing(shop: Shop, browser_page: BrowserPage) -> None:
    page = await browser_page()
    await shop.enter(page)
    await page.goto(shop.url("wordpress"))
    await page.get_by_label("Your website’s address").fill("no address")
    await page.get_by_role("button", name="Make the code").click()
    await expect(page.get_by_text("Write it like myshop.com")).to_be_visible()
    await page.get_by_label("Your website’s address").fill("")
    await page.get_by_role("button", name="Make the code").click()
    await expect(page.get_by_text("This code is shown this once")).to_be_visible()
    listed = await shop.owner.client.keys.ListKeys(keys_pb2.ListKeysRequest(parent=shop.store))
    assert [set(key.scopes) for key in listed.keys] == [{"catalog.read", "webhooks.read", "webhooks.write"}]


async def test_a_new_code_replaces_one_that_is_lost(shop: Shop, browser_page: BrowserPage) -> None:
    page = await browser_page("phone")
    await shop.enter(page)
    await page.goto(shop.url("wordpress"))
    await page.get_by_role("button", name="Make the code").click()
    first = await page.get_by_role("textbox", name="connection code").inner_text()
    await page.goto(shop.url("wordpress"))
    await page.get_by_text("New code", exact=True).click()
    await page.get_by_role("button", name="Make a new code").click()
    second = await page.get_by_role("textbox", name="connection code").inner_text()
    assert first != second
    listed = await shop.owner.client.keys.ListKeys(keys_pb2.ListKeysRequest(parent=shop.store))
    (key,) = listed.keys
    assert key.state == keys_pb2.Key.STATE_ROTATING, "the old one works on meanwhile"


async def test_a_plugin_that_was_not_built_is_said_plainly(
    shop: Shop, browser_page: BrowserPage, plugin_zip: Path, shot: Shot, check_accessible: Check
) -> None:
    await asyncio.to_thread(plugin_zip.unlink, missing_ok=True)
    page = await browser_page("phone")
    await shop.enter(page, await shop.new_person(access_pb2.ROLE_STAFF))
    await page.goto(shop.url("wordpress"))
    await expect(page.get_by_role("heading", name="The plugin is not on this server")).to_be_visible()
    await expect(page.get_by_role("button", name="Make the code")).to_have_count(0)
    await check_accessible(page)
    await shot(page, "wordpress-no-plugin-phone")
