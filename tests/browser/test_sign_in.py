"""Coming in by clicking: an invitation, a sign-in, a sign-out."""

import pytest
from playwright.async_api import expect

from tests.pages import BrowserPage, Check, Shop, Shot, Viewport


@pytest.mark.parametrize(("viewport", "javascript"), [("phone", True), ("phone", False), ("desktop", True)])
async def test_an_invitation_opens_the_shop(
    shop: Shop, browser_page: BrowserPage, viewport: Viewport, javascript: bool, shot: Shot, check_accessible: Check
) -> None:
    invited = await shop.system.invite(shop.store, f"kofi-{viewport}-{javascript}@shop.example".lower())
    page = await browser_page(viewport, javascript=javascript)
    await page.goto(f"{shop.gateway}/admin/invitation#{invited.token}")
    if not javascript:
        await page.get_by_label("Link").fill(invited.uri)
        await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("heading", name="Join Makola Corner")).to_be_visible()
    await shot(page, f"invitation-{viewport}")
    if javascript:
        await check_accessible(page)
    await page.get_by_label("Your name").fill("Kofi Mensah")
    await page.get_by_label("Choose a password").fill("three plain words")
    await page.get_by_role("button", name="Join the shop").click()
    await expect(page.get_by_role("heading", name="Makola Corner")).to_be_visible()
    if javascript:
        await check_accessible(page)


async def test_whoever_is_signed_in_is_taken_to_the_shop(shop: Shop, browser_page: BrowserPage) -> None:
    page = await browser_page()
    await shop.enter(page)
    await page.goto(shop.gateway)
    await expect(page.get_by_role("heading", name="Makola Corner")).to_be_visible()
    (cookie,) = await page.context.cookies()
    assert cookie["name"] == "__Host-sedifex_session"
