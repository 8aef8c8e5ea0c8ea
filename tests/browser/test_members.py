"""Members and the audit log by clicking."""

import pytest
from playwright.async_api import expect
from sedifex.access.v1 import access_pb2
from sedifex.keys.v1 import keys_pb2

from tests.pages import BrowserPage, Check, Shop, Shot, Viewport

BOTH = pytest.mark.parametrize(("viewport", "javascript"), [("phone", True), ("desktop", False)])


@BOTH
async def test_an_owner_invites_somebody_and_changes_what_they_may_do(
    shop: Shop, browser_page: BrowserPage, viewport: Viewport, javascript: bool, shot: Shot, check_accessible: Check
) -> None:
    staff = await shop.new_person(access_pb2.ROLE_STAFF)
    page = await browser_page(viewport, javascript=javascript)
    await shop.enter(page)
    await page.goto(shop.url("members"))
    await page.get_by_role("link", name="Invite somebody").click()
    await page.get_by_label("Their email").fill("esi@shop.example")
    await page.get_by_text("Runs the shop: products").click()
    await shot(page, f"members-invite-{viewport}")
    if javascript:
        await check_accessible(page)
    await page.get_by_role("button", name="Make the invitation").click()
    link = await page.get_by_role("textbox", name="the invitation link").inner_text()
    assert "/admin/invitation#sdfx_inv_" in link
    await shot(page, f"members-invited-{viewport}")
    if javascript:
        await check_accessible(page)
    await page.get_by_label("I have sent it").check()
    await page.get_by_role("link", name="Done").click()
    await expect(page.get_by_text("esi@shop.example", exact=True)).to_be_visible()
    await shot(page, f"members-{viewport}")
    if javascript:
        await check_accessible(page)
    await page.locator("tr", has_text=staff.email).get_by_role("link", name="Change").click()
    await shot(page, f"members-member-{viewport}")
    if javascript:
        await check_accessible(page)
    await page.get_by_text("Runs the shop: products").click()
    await page.get_by_role("button", name="Save the role").click()
    await expect(page.get_by_text("is admin now")).to_be_visible()
    await page.get_by_role("button", name="Revoke").click()
    await expect(page.get_by_text("The invitation of esi@shop.example is revoked.")).to_be_visible()


async def test_the_last_owner_cannot_go(shop: Shop, browser_page: BrowserPage) -> None:
    page = await browser_page(javascript=False)
    await shop.enter(page)
    await page.goto(shop.url("members"))
    await page.get_by_text("Leave this shop").click()
    await page.get_by_role("button", name="Leave Makola Corner").click()
    await expect(page.get_by_role("alert")).to_contain_text("owner")
    await expect(page.get_by_role("heading", name="Members")).to_be_visible()


@BOTH
async def test_the_audit_log_is_read_filtered_verified_and_exported(
    shop: Shop, browser_page: BrowserPage, viewport: Viewport, javascript: bool, shot: Shot, check_accessible: Check
) -> None:
    keys = shop.owner.client.keys
    request = keys_pb2.CreateKeyRequest(parent=shop.store, display_name="=Website", scopes=["catalog.read"])
    key = (await keys.CreateKey(request)).key
    await keys.RotateKey(keys_pb2.RotateKeyRequest(name=key.name))
    await keys.RevokeKey(keys_pb2.RevokeKeyRequest(name=key.name))
    page = await browser_page(viewport, javascript=javascript)
    await shop.enter(page)
    await page.goto(shop.url("audit"))
    await expect(page.get_by_text("Chain verified.")).to_be_visible()
    await page.get_by_text("revoked the key").last.click()
    await shot(page, f"audit-{viewport}")
    if javascript:
        await check_accessible(page)
    await page.get_by_label("What", exact=True).select_option("key.rotated")
    if not javascript:
        await page.get_by_role("button", name="Filter").click()
    await page.wait_for_url("**/audit?*action=key.rotated*")
    await expect(page.locator(".log > li")).to_have_count(1)
    await page.goto(shop.url("audit"))
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Export").click()
    lines = (await (await downloading.value).path()).read_text("utf-8").splitlines()
    assert lines[0].startswith("sequence,time,actor,action")
    assert [line.split(",")[3] for line in lines[1:4]] == ["key.revoked", "key.rotated", "key.created"]
