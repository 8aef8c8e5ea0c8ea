"""One's own account by clicking: one-time codes, the password, sessions, the choice of a shop."""

import pytest
from playwright.async_api import Page, expect

from services.keys.membership import totp
from tests.pages import BrowserPage, Check, Shop, Shot, Viewport
from tests.system import code_of

BOTH = pytest.mark.parametrize(("viewport", "javascript"), [("phone", True), ("desktop", False)])


@BOTH
async def test_one_signs_in_and_comes_to_where_one_wanted(
    shop: Shop, browser_page: BrowserPage, viewport: Viewport, javascript: bool, shot: Shot, check_accessible: Check
) -> None:
    page = await browser_page(viewport, javascript=javascript)
    await page.goto(f"{shop.gateway}/admin/{shop.store}/audit")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await shot(page, f"sign-in-{viewport}")
    await page.get_by_label("Email").fill(shop.owner.email)
    await page.get_by_label("Password", exact=True).fill("not the password")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("do not go together")).to_be_visible()
    await shot(page, f"sign-in-wrong-{viewport}")
    if javascript:
        await check_accessible(page)
    await _sign_in(page, shop)
    await expect(page.get_by_role("heading", name="Audit log")).to_be_visible()


@BOTH
async def test_one_time_codes_are_turned_on_and_asked_for_at_sign_in(
    shop: Shop, browser_page: BrowserPage, viewport: Viewport, javascript: bool, shot: Shot, check_accessible: Check
) -> None:
    page = await browser_page(viewport, javascript=javascript)
    await shop.enter(page)
    await page.goto(f"{shop.gateway}/admin/account")
    await shot(page, f"account-{viewport}")
    if javascript:
        await check_accessible(page)
    await page.get_by_text("Turn them on").click()
    await page.locator("#on_password").fill(shop.owner.password)
    await page.get_by_role("button", name="Go on").click()
    secret = (await page.get_by_role("textbox", name="the secret for the app").inner_text()).replace(" ", "")
    assert len(secret) >= len(totp.new_secret())
    await page.get_by_label("The code that the app shows now").fill("000000")
    await page.get_by_role("button", name="Turn them on").click()
    await expect(page.get_by_text("check its clock")).to_be_visible()
    await shot(page, f"totp-{viewport}")
    if javascript:
        await check_accessible(page)
    await page.get_by_label("The code that the app shows now").fill(code_of(secret))
    await page.get_by_role("button", name="Turn them on").click()
    await expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    await shot(page, f"recovery-codes-{viewport}")
    if javascript:
        await check_accessible(page)
    await page.get_by_label("I have stored them").check()
    await page.get_by_role("link", name="Done").click()
    await page.get_by_label("Your account").click()
    await page.get_by_role("button", name="Sign out").first.click()
    await _sign_in(page, shop)
    await expect(page.get_by_role("heading", name="One-time code")).to_be_visible()
    assert shop.owner.password not in await page.content()
    await page.get_by_label("Code").fill("000000")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_text("This code is wrong or was used before")).to_be_visible()
    await shot(page, f"code-{viewport}")
    if javascript:
        await check_accessible(page)
    await page.get_by_label("Code").fill(code_of(secret, ahead=1))
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("heading", name="Makola Corner")).to_be_visible()


async def test_a_session_that_is_ended_elsewhere_leads_to_sign_in_and_back(
    shop: Shop, browser_page: BrowserPage
) -> None:
    here, there = await browser_page("phone"), await browser_page("desktop")
    await there.goto(f"{shop.gateway}/admin/sign-in?next=/admin/{shop.store}/audit")
    await _sign_in(there, shop)
    await expect(there.get_by_role("heading", name="Audit log")).to_be_visible()
    await shop.enter(here)
    await here.goto(f"{shop.gateway}/admin/account")
    await here.get_by_role("button", name="End all others").click()
    await expect(here.get_by_text("One other session has ended.")).to_be_visible()
    await there.reload()
    await expect(there.get_by_text("Your session has ended")).to_be_visible()
    await _sign_in(there, shop)
    await expect(there.get_by_role("heading", name="Audit log")).to_be_visible()


async def test_a_new_password_ends_the_other_sessions_and_is_asked_for_next_time(
    shop: Shop, browser_page: BrowserPage
) -> None:
    page = await browser_page("phone", javascript=False)
    await shop.enter(page)
    await page.goto(f"{shop.gateway}/admin/account")
    await page.get_by_label("Your present password").fill(shop.owner.password)
    await page.get_by_label("New password").fill("short")
    await page.get_by_role("button", name="Change the password").click()
    await expect(page.get_by_text("must have 10 characters or more")).to_be_visible()
    await page.get_by_label("Your present password").fill(shop.owner.password)
    await page.get_by_label("New password").fill("four other plain words")
    await page.get_by_role("button", name="Change the password").click()
    await expect(page.get_by_text("Your password is changed")).to_be_visible()


@BOTH
async def test_whoever_has_several_shops_chooses_one(
    shop: Shop, browser_page: BrowserPage, viewport: Viewport, javascript: bool, shot: Shot, check_accessible: Check
) -> None:
    other = await shop.system.new_store(display_name="Kejetia Fabrics", city="Kumasi")
    await shop.system.join(shop.owner, other)
    page = await browser_page(viewport, javascript=javascript)
    await shop.enter(page)
    await page.goto(f"{shop.gateway}/admin")
    await shot(page, f"stores-{viewport}")
    if javascript:
        await check_accessible(page)
    await page.get_by_role("link", name="Kejetia Fabrics").click()
    await expect(page.get_by_role("heading", name="Kejetia Fabrics")).to_be_visible()
    assert page.url.endswith(f"/admin/{other}")


async def test_what_is_not_there_or_not_allowed_is_said_in_plain_words(
    shop: Shop, browser_page: BrowserPage, shot: Shot, check_accessible: Check
) -> None:
    elsewhere = await shop.system.new_store(display_name="Somebody Else’s")
    page = await browser_page("phone")
    await page.goto(f"{shop.gateway}/admin/nowhere")
    await expect(page.get_by_text("This page is not here")).to_be_visible()
    await check_accessible(page)
    await shop.enter(page)
    await page.goto(f"{shop.gateway}/admin/{elsewhere}/keys")
    await expect(page.get_by_text("You do not belong to this shop")).to_be_visible()
    await expect(page.get_by_text("Somebody Else’s")).to_have_count(0)
    await shot(page, "failure-403-phone")
    await page.goto(shop.url("keys", "key_01JD"))
    await expect(page.get_by_text("This page is not here")).to_be_visible()
    await expect(page.get_by_text("Request id")).to_be_visible()
    await shot(page, "failure-404-phone")
    await check_accessible(page)


async def _sign_in(page: Page, shop: Shop) -> None:
    await page.get_by_label("Email").fill(shop.owner.email)
    await page.get_by_label("Password", exact=True).fill(shop.owner.password)
    await page.get_by_role("button", name="Sign in").click()
