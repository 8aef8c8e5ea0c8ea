"""Keys by clicking: one is made, its secret shown once, rotated step by step, revoked."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, expect
from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2

from tests.pages import BrowserPage, Check, Shop, Shot, Viewport
from tests.system import Client

BOTH = pytest.mark.parametrize(("viewport", "javascript"), [("phone", False), ("desktop", True)])


@BOTH
async def test_a_key_is_made_and_its_secret_shown_once(
    shop: Shop, browser_page: BrowserPage, viewport: Viewport, javascript: bool, shot: Shot, check_accessible: Check
) -> None:
    page = await browser_page(viewport, javascript=javascript)
    await shop.enter(page)
    await page.goto(shop.url("keys"))
    await expect(page.get_by_text("No keys yet")).to_be_visible()
    await shot(page, f"keys-empty-{viewport}")
    await page.get_by_role("link", name="Make the first key").click()
    await page.get_by_label("Name").fill("Website")
    await page.get_by_text("Read webhooks").click()
    await shot(page, f"keys-new-{viewport}")
    await _check(page, check_accessible, javascript)
    await page.get_by_role("button", name="Make the key").click()
    await expect(page.get_by_role("heading", name="“Website” is ready")).to_be_visible()
    secret = await page.get_by_role("textbox", name="API key").inner_text()
    await shop.system.as_(secret).catalog.GetStore(catalog_pb2.GetStoreRequest(name=shop.store))
    await shot(page, f"keys-secret-{viewport}")
    await _check(page, check_accessible, javascript)
    await page.get_by_label("I have stored it").check()
    await page.get_by_role("link", name="Done").click()
    await expect(page.get_by_role("heading", name="Website", exact=True)).to_be_visible()
    await expect(page.get_by_text("Active")).to_be_visible()
    assert secret not in await page.content()
    await shot(page, f"keys-key-{viewport}")
    await _check(page, check_accessible, javascript)


@BOTH
async def test_the_list_begins_with_what_ends_soon_and_shows_each_state(
    shop: Shop, browser_page: BrowserPage, viewport: Viewport, javascript: bool, shot: Shot, check_accessible: Check
) -> None:
    keys = shop.owner.client.keys
    names = ("Website", "Accounting", "Old till", "Price labels", "Trial of a developer")
    made = {}
    for name in names:
        request = keys_pb2.CreateKeyRequest(parent=shop.store, display_name=name, scopes=["catalog.read"])
        if name == "Website":
            request.expire_time.FromDatetime(datetime.now(UTC) + timedelta(days=3))
        made[name] = await keys.CreateKey(request)
    await keys.RotateKey(keys_pb2.RotateKeyRequest(name=made["Accounting"].key.name))
    await keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=made["Trial of a developer"].key.name))
    for _ in range(3):
        await _use(shop.system.as_(made["Price labels"].secret), shop)
    page = await browser_page(viewport, javascript=javascript)
    await shop.enter(page)
    await page.goto(shop.url("keys"))
    await _until(page, "Python")
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(len(names))
    await expect(rows.first).to_contain_text("Website")
    for name, state in (("Website", "Expiring soon"), ("Accounting", "Rotating"), ("Trial of a developer", "Revoked")):
        await expect(rows.filter(has_text=name)).to_contain_text(state)
    await shot(page, f"keys-{viewport}")
    await _check(page, check_accessible, javascript)
    await page.get_by_role("navigation", name="States of keys").get_by_role("link", name="Revoked").click()
    await expect(rows).to_have_count(1)


async def test_a_form_that_is_sent_twice_makes_one_key(shop: Shop, browser_page: BrowserPage) -> None:
    page = await browser_page(javascript=False)
    await shop.enter(page)
    await page.goto(shop.url("keys", "new"))
    await page.get_by_label("Name").fill("Website")
    await page.get_by_role("button", name="Make the key").click()
    await expect(page.get_by_text("shown this once")).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("This form was sent before")).to_be_visible()
    listed = await shop.owner.client.keys.ListKeys(keys_pb2.ListKeysRequest(parent=shop.store))
    assert len(listed.keys) == 1


@BOTH
async def test_a_key_is_rotated_step_by_step(
    shop: Shop, browser_page: BrowserPage, viewport: Viewport, javascript: bool, shot: Shot, check_accessible: Check
) -> None:
    key, old = await shop.system.new_key(shop.store, ["catalog.read"])
    page = await browser_page(viewport, javascript=javascript)
    await shop.enter(page)
    await page.goto(f"{shop.gateway}/admin/{key.name}")
    await page.get_by_role("link", name="Rotate").click()
    await shot(page, f"keys-rotate-{viewport}")
    await _check(page, check_accessible, javascript)
    await page.get_by_text("A day").click()
    await page.get_by_role("button", name="Make a new secret").click()
    new = shop.system.as_(await page.get_by_role("textbox", name="the new secret").inner_text())
    await shot(page, f"keys-rotated-{viewport}")
    await _check(page, check_accessible, javascript)
    await page.get_by_label("I have stored it").check()
    await page.get_by_role("link", name="Next: see it being used").click()
    await expect(page.get_by_text("Not yet: nobody has used the new secret")).to_be_visible()
    await _use(old, shop)
    await _use(new, shop)
    if javascript:  # the page keeps itself up to date
        await expect(page.get_by_text("Not yet: the old secret is still used")).to_be_visible()
    else:
        await _until(page, "Not yet: the old secret is still used")
    await shot(page, f"keys-rotation-{viewport}")
    await _check(page, check_accessible, javascript)
    await page.get_by_role("button", name="End the old secret all the same").click()
    await expect(page.get_by_text("The rotation is finished")).to_be_visible()


@BOTH
async def test_a_key_is_revoked_by_whoever_gives_the_password(
    shop: Shop, browser_page: BrowserPage, viewport: Viewport, javascript: bool, shot: Shot, check_accessible: Check
) -> None:
    key, client = await shop.system.new_key(shop.store)
    await _use(client, shop)
    page = await browser_page(viewport, javascript=javascript)
    await shop.enter(page)
    await shop.forget_proof()
    await page.goto(f"{shop.gateway}/admin/{key.name}")
    await _until(page, "by Python")
    await page.get_by_role("link", name="Revoke").click()
    await shot(page, f"keys-revoke-{viewport}")
    await _check(page, check_accessible, javascript)
    await page.get_by_role("button", name="Revoke the key").click()
    await expect(page.get_by_role("heading", name="Is it you?")).to_be_visible()
    await page.get_by_label("Your password").fill("not the password")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_text("This is not your present password")).to_be_visible()
    await shot(page, f"confirm-{viewport}")
    await _check(page, check_accessible, javascript)
    await page.get_by_label("Your password").fill(shop.owner.password)
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_text("confirmed that they refuse it")).to_be_visible()
    await shot(page, f"keys-revoked-{viewport}")
    await _check(page, check_accessible, javascript)
    found = await shop.owner.client.keys.GetKey(keys_pb2.GetKeyRequest(name=key.name))
    assert found.key.state == keys_pb2.Key.STATE_REVOKED


async def test_staff_see_keys_and_no_button_that_they_may_not_use(shop: Shop, browser_page: BrowserPage) -> None:
    key, _ = await shop.system.new_key(shop.store)
    page = await browser_page("phone")
    await shop.enter(page, await shop.new_person(access_pb2.ROLE_STAFF))
    await page.goto(shop.url("keys"))
    await expect(page.get_by_role("link", name="New key")).to_have_count(0)
    await page.get_by_text(key.hint).click()
    await expect(page.get_by_role("heading", name=key.display_name)).to_be_visible()
    for name in ("Rotate", "Change", "Revoke"):
        await expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
    await page.goto(f"{shop.gateway}/admin/{key.name}/revoke")
    await expect(page.get_by_role("heading", name="Your role does not allow this")).to_be_visible()


async def _use(client: Client, shop: Shop) -> None:
    await client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=shop.store))


async def _until(page: Page, text: str) -> None:
    """Reloads until the text is there: uses are written in batches, and nothing tells of it."""
    for _ in range(150):
        if await page.get_by_text(text).count():
            return
        await page.wait_for_timeout(200)
        await page.reload()
    raise AssertionError(f"{text!r} did not come")


async def _check(page: Page, check_accessible: Check, javascript: bool) -> None:
    if javascript:
        await check_accessible(page)
