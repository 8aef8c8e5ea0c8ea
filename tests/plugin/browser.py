"""A browser as a merchant has it, that reaches this machine and nothing else."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, sync_playwright

from rig.wordpress.site import Site

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
]
WAIT_MS = 30_000
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
LOCAL = ("http://127.0.0.1:", "http://localhost:", "data:", "blob:", "about:")

_PICTURES_ARE_THERE = """() => {
    const seen = [...document.images].filter(i => i.getBoundingClientRect().top < 2000);
    seen.forEach(i => i.loading = 'eager');
    const all = Promise.all(seen.map(i => i.decode().catch(() => 0)));
    return Promise.race([all, new Promise(resolve => setTimeout(resolve, 3000))]).then(() => 0);
}"""
AXE_OPTIONS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


@contextmanager
def running() -> Iterator[Browser]:
    """A browser, while the context lasts."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visitor:
    """Somebody who looks at a site. Remembers what was asked of other machines, and what went wrong in pages."""

    site: Site
    context: BrowserContext
    page: Page
    abroad: list[str] = field(default_factory=list)
    """URLs outside this machine that pages wanted; none of them was fetched."""
    asked: list[str] = field(default_factory=list)
    """Every URL that was fetched."""
    complaints: list[str] = field(default_factory=list)
    """Errors in the console, and exceptions that no script caught."""

    def open(self, path: str) -> Page:
        """Opens a page of the site."""
        self.page.goto(self.site.url + path)
        return self.page

    def violations(self, within: str | None = None) -> list[str]:
        """What axe finds on the page as it is, one line each."""
        options = {"options": AXE_OPTIONS}
        found = Axe().run(self.page, context=within, **options)
        return [
            f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
            for each in found.response["violations"]
            for node in each["nodes"]
        ]


@contextmanager
def visiting(
    browser: Browser, site: Site, *, as_admin: bool = False, viewport: dict[str, int] | None = None, **options: Any
) -> Iterator[Visitor]:
    """A visitor with cookies of their own; `as_admin` is signed in."""
    context = browser.new_context(viewport=viewport or DESKTOP, reduced_motion="reduce", **options)  # type: ignore[arg-type]
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    visitor = Visitor(site, context, page)

    def judge(route: Route, request: Request) -> None:
        if request.url.startswith(LOCAL):
            visitor.asked.append(request.url)
            route.continue_()
        else:
            visitor.abroad.append(request.url)
            route.abort()

    context.route("**/*", judge)
    page.on("console", lambda message: visitor.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    if as_admin:
        context.add_cookies(session_of(site))
    try:
        yield visitor
    finally:
        context.close()


def session_of(site: Site) -> list[Any]:
    """Cookies of the site's admin. Over HTTP: the form is WordPress' own, and not what is tested."""
    with httpx.Client(base_url=site.url, timeout=20) as client:
        client.get("/wp-login.php")
        answer = client.post(
            "/wp-login.php",
            data={"log": "admin", "pwd": site.password, "testcookie": "1", "wp-submit": "Log In"},
            follow_redirects=False,
        )
        assert answer.status_code == 302, "the admin could not sign in"
        return [{"name": each.name, "value": each.value, "url": site.url} for each in client.cookies.jar if each.value]


def picture(page: Page, path: Path, **options: Any) -> None:
    """A picture of the page, once its own pictures are there."""
    page.evaluate(_PICTURES_ARE_THERE)
    page.screenshot(path=str(path), animations="disabled", **options)
