"""Pages in a real browser: Chromium, over the real services and the gateway, each on a port of its own.

Screenshots go to build/screenshots/. A page that asks another machine for anything fails its test.
"""

import shutil
from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright, expect

from gateway import app
from gateway.clients import backends
from services.common.settings import GatewaySettings
from services.webhooks.worker.__main__ import working
from tests.pages import VIEWPORTS, BrowserPage, Check, Look, Shop, Shot, Viewport, Watched, listening
from tests.system import System

WAIT_MS = 30_000
"""For what a page shall come to show, on a machine that is busy with other tests."""
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCHEMES: dict[Literal["light", "dark"], str] = {"light": "", "dark": "runOnly: ['color-contrast']"}
"""What of axe's rules is looked at in which: only colours differ."""
NARROWEST = ViewportSize(width=360, height=740)
"""Of the phones that are still in use."""
TOO_SMALL = """
    [...document.querySelectorAll(".button, button, summary, select, textarea, input[type=text], .nav-link")]
        .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 43.5)
        .map((each) => each.outerHTML.slice(0, 200))
"""
"""What one presses or types into and is lower than 44 pixels (WCAG 2.2, 2.5.5)."""
LARGEST_WIDTH_OVER = 1
"""By how many pixels a page may be wider than the screen: rounding."""


@pytest.fixture(scope="session")
def plugin_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the gateway looks for the WordPress plugin; nothing is there before a test puts it there."""
    return tmp_path_factory.mktemp("plugin") / "sedifex.zip"


@pytest.fixture(scope="session")
async def gateway_url(system: System, plugin_zip: Path) -> AsyncIterator[str]:
    """Where the gateway listens."""
    shared = {"keys_address", "catalog_address", "webhooks_address", "service_secret"}
    # In production mode, for the cookies that it has: Chromium takes them from this machine without TLS.
    own = {
        "mode": "production",
        "gateway_sample_shop": True,
        "gateway_plugin_zip": plugin_zip,
        "gateway_guide": plugin_zip.parent,  # pages tell of the guide where one is served
    }
    settings = GatewaySettings.model_validate(system.settings.keys.model_dump(include=shared) | own)
    async with backends(settings) as services, listening(app.build(settings, services)) as url:
        yield url


@pytest.fixture
async def shop(system: System, gateway_url: str) -> Shop:
    """A shop of its own for each test."""
    store = await system.new_store(display_name="Makola Corner", city="Accra", country="GH")
    return Shop(system, gateway_url, store, await system.new_member(store))


@pytest.fixture(scope="module")
def worker(system: System) -> Iterator[None]:
    """The process that sends webhooks, for the tests of a module."""
    with working(system.settings.webhooks):
        yield


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all tests."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("there is no chromium here: install it (on Debian: apt-get install chromium)")
    expect.set_options(timeout=WAIT_MS)
    async with async_playwright() as playwright:
        # A driver for a browser of its own would look for one on the network.
        launched = await playwright.chromium.launch(executable_path=program, args=[*FLAGS])
        yield launched
        await launched.close()


@pytest.fixture
async def browser_page(browser: Browser, gateway_url: str) -> AsyncIterator[BrowserPage]:
    """Opens pages, each in a browser profile of its own: browser_page("phone", javascript=False)."""
    contexts: list[BrowserContext] = []
    watched = Watched(urlsplit(gateway_url).netloc)

    async def open_page(viewport: Viewport = "desktop", *, javascript: bool = True) -> Page:
        width, height = VIEWPORTS[viewport]
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            java_script_enabled=javascript,
            has_touch=viewport == "phone",
            is_mobile=viewport == "phone",
            locale="en-GH",
            reduced_motion="reduce",
        )
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = await context.new_page()
        watched.watch(page)
        return page

    yield open_page
    for context in contexts:
        await context.close()
    watched.check()


@pytest.fixture(scope="session")
def shot(root: Path) -> Shot:
    """Keeps a picture of the page: await shot(page, "keys-list-phone")."""
    folder = root / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)

    async def take(page: Page, name: str) -> None:
        # As high as the page is, so that what sticks to the foot of the screen stands at its foot.
        size = page.viewport_size
        height = await page.evaluate("document.documentElement.scrollHeight")
        if size and height > size["height"]:
            await page.set_viewport_size({"width": size["width"], "height": height})
        await page.screenshot(path=folder / f"{name}.png", full_page=True)
        if size:
            await page.set_viewport_size(size)

    return take


@pytest.fixture(scope="session")
def check_accessible() -> Check:
    """Fails on what axe finds wrong, in light and in dark, on what is too small to touch, and on a page too wide."""
    source = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")

    async def check(page: Page) -> None:
        found = []
        await page.evaluate(f"(() => {{ {source} }})()")
        for scheme, wanted in SCHEMES.items():
            await page.emulate_media(color_scheme=scheme)
            result = await page.evaluate(f"axe.run(document, {{resultTypes: ['violations'], {wanted}}})")
            for violation in result["violations"]:
                where = [f"{node['target']}: {node['failureSummary']}" for node in violation["nodes"][:3]]
                found.append(f"{page.url} ({scheme}): {violation['id']}: {violation['help']}: {where}")
        await page.emulate_media(color_scheme="light")
        found += [f"{page.url}: too small to be touched: {each}" for each in await page.evaluate(TOO_SMALL)]
        assert not found, "\n".join(found)
        size = page.viewport_size
        if size and size["width"] < NARROWEST["width"] * 2:
            await page.set_viewport_size(NARROWEST)
        wider = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= LARGEST_WIDTH_OVER, f"{page.url} is {wider} px wider than the screen"
        if size:
            await page.set_viewport_size(size)

    return check


@pytest.fixture(scope="session")
def look(shot: Shot, check_accessible: Check) -> Look:
    """Both, for pages that a test opens on a phone and on a desktop: what is wrong is found once."""

    async def take(page: Page, name: str) -> None:
        if page.viewport_size == dict(zip(("width", "height"), VIEWPORTS["phone"], strict=True)):
            await check_accessible(page)
        await shot(page, name)

    return take
