"""When Sedifex, the network or the site itself is unwell: the page stays up, and the panel says what to do."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from rig.wordpress.site import Site
from tests.plugin.browser import picture, visiting
from tests.plugin.conftest import Shop, connect
from tests.plugin.front import Front, front_of, until

AGE = """
$status = Sedifex\\Status::fresh('st_makola');
foreach (['checked', 'next_retry', 'full'] as $field) { $status[$field] = max(0, $status[$field] - (int) $argv[1]); }
update_option('sedifex_status_st_makola', $status, false);
"""
"""Makes as if the shop had been read so many seconds ago."""
VISITORS = 24
WAIT_S = 30.0
ASKING_S = 10.0
"""How long the plugin waits for an answer, and as long again before it asks anew."""

pytestmark = pytest.mark.timeout(300)


def test_a_burst_of_visitors_waits_for_nobody_and_causes_one_refresh(wordpress: Site, shop: Shop, front: Front) -> None:
    connect(wordpress, shop, front.url)
    fresh = httpx.get(f"{wordpress.url}/shop/", timeout=WAIT_S).text
    wordpress.php(AGE, "100")
    front.asked.clear()
    front.may_answer.clear()
    began = time.monotonic()
    with ThreadPoolExecutor(VISITORS) as visitors:
        pages = list(visitors.map(lambda _: httpx.get(f"{wordpress.url}/shop/", timeout=60), range(VISITORS)))
    # All of them have their page, while Sedifex has not answered anybody.
    assert {page.status_code for page in pages} == {200}
    assert {page.text.count("sedifex-card__name") for page in pages} == {fresh.count("sedifex-card__name")}
    # On a machine that takes longer over them than the plugin waits for Sedifex, it may ask once more.
    most = 1 + int((time.monotonic() - began) / ASKING_S)
    front.may_answer.set()
    for _ in until(WAIT_S):
        if front.asked and _checked_ago(wordpress) < 50:
            break
    time.sleep(
        0.5
    )  # for a second refresh to show itself, if there were one: nothing gives notice of what does not come
    assert {path.partition("?")[0] for path in front.asked} == {"GET /v1/stores/st_makola/products:changes"}
    assert len(front.asked) <= most


@pytest.mark.parametrize("status", [401, 429, 503])
def test_what_the_api_refuses_is_told_and_the_remedy_mends_it(
    status: int, wordpress: Site, shop: Shop, front: Front, browser: Browser, pictures: Path
) -> None:
    connect(wordpress, shop, front.url)
    wordpress.php(AGE, "100")
    front.status, front.headers = status, {"Retry-After": "120"} if status == 429 else {}
    names = httpx.get(f"{wordpress.url}/shop/", timeout=WAIT_S).text.count("sedifex-card__name")
    for _ in until(WAIT_S):
        if wordpress.value("Sedifex\\Status::fresh('st_makola')['reason']"):
            break
    assert httpx.get(f"{wordpress.url}/shop/", timeout=WAIT_S).text.count("sedifex-card__name") == names
    with visiting(browser, wordpress, as_admin=True) as ama:
        page = ama.open("/wp-admin/admin.php?page=sedifex")
        assert page.locator(".sedifex-chip").inner_text() in {"Stale", "Needs attention"}
        assert f"HTTP {status}" in page.inner_text(".sedifex-facts")
        sync = page.get_by_role("button", name="Sync now")
        front.behave()
        if status == 429:
            assert sync.is_disabled()
            assert "asked for a pause until" in page.inner_text(".sedifex-do-sync")
            wordpress.php(AGE, "200")
            page.reload()
        if status == 401:
            picture(page, pictures / "screenshot-7.jpg", type="jpeg", quality=82)
            assert page.locator("details[open]", has_text="Replace the key").count() == 1
            page.get_by_label("Connection code", exact=True).first.fill(shop.code(front.url))
            page.get_by_role("button", name="Test and replace").click()
        else:
            sync.click()
        page.wait_for_selector(".sedifex-chip--healthy")
        assert f"HTTP {status}" in page.inner_text(".sedifex-facts"), "the last failure is kept"


@pytest.mark.parametrize("way", ["half", "garbage", "down"])
def test_sync_now_says_that_it_did_not_work_and_the_page_stays(
    way: str, wordpress: Site, shop: Shop, browser: Browser
) -> None:
    with front_of(shop.gateway) as front:
        connect(wordpress, shop, front.url)
        names = httpx.get(f"{wordpress.url}/shop/", timeout=WAIT_S).text.count("sedifex-card__name")
        front.cut = way == "half"
        if way == "garbage":
            front.status, front.body = 200, b"<html>Please sign in to the hotel's Wi-Fi</html>"
        if way != "down":
            _sync_in_vain(wordpress, browser)
    if way == "down":
        _sync_in_vain(wordpress, browser)
    assert httpx.get(f"{wordpress.url}/shop/", timeout=WAIT_S).text.count("sedifex-card__name") == names


def test_a_certificate_that_is_not_trusted_and_a_name_that_is_not_known_are_told_apart(
    wordpress: Site, shop: Shop, browser: Browser, tmp_path: Path
) -> None:
    certificate = tmp_path / "own.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=127.0.0.1", "-keyout", str(certificate), "-out", str(tmp_path / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    certificate.write_text(certificate.read_text() + (tmp_path / "cert.pem").read_text())
    with (
        front_of(shop.gateway, certificate) as front,
        visiting(browser, wordpress, as_admin=True) as ama,
    ):
        page = ama.open("/wp-admin/admin.php?page=sedifex")
        for address, words in ((front.url, "No secure connection"), ("https://sedifex.invalid", "cannot find Sedifex")):
            page.get_by_label("Connection code", exact=True).fill(shop.code(address))
            page.get_by_role("button", name="Test connection").click()
            page.wait_for_selector(".notice-error")
            assert words in page.inner_text(".notice-error")
            assert front.asked == [], "the key was not sent"
        page.get_by_label("Connection code", exact=True).fill(shop.code()[:-4])
        page.get_by_role("button", name="Test connection").click()
        page.get_by_text("is not complete").wait_for()
        assert page.get_by_label("Connection code", exact=True).get_attribute("aria-invalid") == "true"


def test_without_scheduled_tasks_news_still_comes_and_the_panel_says_what_is_wrong(
    wordpress: Site, shop: Shop, browser: Browser
) -> None:
    connect(wordpress, shop)
    with wordpress.configured("DISABLE_WP_CRON", True):
        product = shop.products()[0]
        shop.set_price(product["name"], "2077.00")
        for _ in until(WAIT_S):
            if "2,077.00" in httpx.get(f"{wordpress.url}/shop/", timeout=WAIT_S).text:
                break
        else:
            raise AssertionError("the price never came")
        wordpress.php("update_option('sedifex_wanted_st_makola', 'due:' . (time() - 1000), false);")
        with visiting(browser, wordpress, as_admin=True) as ama:
            page = ama.open("/wp-admin/admin.php?page=sedifex")
            assert "wp-cron.php" in page.inner_text(".sedifex-problem")
            page.get_by_role("button", name="Sync now").click()
            page.wait_for_selector(".sedifex-chip--healthy")
    # Not before: the news of it would take away the word that the test has left.
    shop.set_price(product["name"], product["price"]["amount"])


def test_the_panel_works_without_scripts(wordpress: Site, shop: Shop, front: Front, browser: Browser) -> None:
    connect(wordpress, shop, front.url)
    with visiting(browser, wordpress, as_admin=True, java_script_enabled=False) as ama:
        page = ama.open("/wp-admin/admin.php?page=sedifex")
        page.get_by_role("button", name="Sync now").click()
        assert "up to date" in page.inner_text(".notice-success")
        front.status = 503
        page.get_by_role("button", name="Sync now").click()
        assert "not available just now" in page.inner_text(".notice-error")


def _sync_in_vain(wordpress: Site, browser: Browser) -> None:
    with visiting(browser, wordpress, as_admin=True) as ama:
        page = ama.open("/wp-admin/admin.php?page=sedifex")
        page.get_by_role("button", name="Sync now").click()
        page.get_by_text("That did not work").wait_for()
        assert page.locator(".sedifex-chip").inner_text() == "Stale"
        page.get_by_text("Details for support", exact=True).click()
        page.get_by_role("button", name="Copy diagnostics").click()
        page.get_by_role("button", name="Copied.").wait_for()
        assert ama.violations(".sedifex") == []


def _checked_ago(wordpress: Site) -> int:
    return int(wordpress.value("time() - Sedifex\\Status::fresh('st_makola')['checked']"))
