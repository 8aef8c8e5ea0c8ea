"""Files of products by clicking: chosen, looked over, imported; what is refused is told row by row."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from sedifex.catalog.v1 import catalog_pb2, imports_pb2

from tests.integration.importing import products, upload
from tests.pages import BrowserPage, Check, Shop, Shot, Viewport

CSV = (
    "Product name,Price (GH₵),Stock,Category,Cost price\n"
    "Raw Shea Butter 500g,GH₵ 45,32,Skin Care,21\n"
    '"Milo Tin, 400g","1,062.50",3,Food & Beverages,\n'
    "Knotless Braids,cheap,,Hair Care,\n"
    "Kente Stole,,,Fashion,\n"
    ",12.00,4,,\n"
)


async def choose(page: Page, shop: Shop, name: str, content: bytes) -> None:
    """Chooses a file and has it looked over."""
    await page.goto(shop.url("imports", "new"))
    await page.get_by_label("CSV file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})
    await page.get_by_role("button", name="Look it over").click()


async def wait_for(page: Page, heading: str, *, javascript: bool) -> None:
    """Waits until the page has this heading; whoever has no script reloads it."""
    if javascript:
        await expect(page.get_by_role("heading", name=heading)).to_be_visible()
        return
    for _ in range(100):
        if await page.get_by_role("heading", name=heading).count():
            return
        await page.get_by_role("link", name="See how far it is").click()
    raise AssertionError(f"{heading} did not show")


@pytest.mark.parametrize(("viewport", "javascript"), [("phone", True), ("desktop", False)])
async def test_a_file_is_looked_over_before_it_is_imported(
    shop: Shop, browser_page: BrowserPage, viewport: Viewport, javascript: bool, shot: Shot, check_accessible: Check
) -> None:
    page = await browser_page(viewport, javascript=javascript)
    await shop.enter(page)
    await page.goto(shop.url("imports", "new"))
    await shot(page, f"import-new-{viewport}")
    if javascript:
        await check_accessible(page)
    await choose(page, shop, "shop.csv", CSV.encode())
    await wait_for(page, "This is what it would do", javascript=javascript)
    assert not await products(shop.owner.client, shop.store), "a preview changes nothing"
    refusals = page.get_by_role("table", name="What is wrong with rows").get_by_role("row")
    await expect(refusals.filter(has_text="Row 4")).to_contain_text("“cheap” is not an amount. Write it like 45.00")
    await expect(refusals.filter(has_text="Row 6")).to_contain_text("is empty. Every product needs a name.")
    columns = page.get_by_role("table", name="Columns of the file").get_by_role("row")
    await expect(columns.filter(has_text="Price (GH₵)")).to_contain_text("1,062.50")
    await expect(page.get_by_text("Not used:")).to_contain_text("Cost price")
    await shot(page, f"import-preview-{viewport}")
    if javascript:
        await check_accessible(page)
    await page.get_by_role("button", name="Import 3 products").click()
    await wait_for(page, "Done", javascript=javascript)
    await shot(page, f"import-done-{viewport}")
    assert len(await products(shop.owner.client, shop.store)) == 3
    await page.get_by_role("link", name="Imports").first.click()
    await expect(page.get_by_role("row").filter(has_text="shop.csv")).to_have_count(2)
    await shot(page, f"imports-list-{viewport}")


async def test_a_preview_that_is_too_old_asks_for_the_file_again(shop: Shop, browser_page: BrowserPage) -> None:
    page = await browser_page("phone")
    await shop.enter(page)
    await choose(page, shop, "one.csv", b"Name\nShea\n")
    await expect(page.get_by_role("heading", name="This is what it would do")).to_be_visible()
    listed = await shop.owner.client.imports.ListImports(imports_pb2.ListImportsRequest(parent=shop.store))
    taken = imports_pb2.CreateImportRequest(parent=shop.store, dry_run=listed.imports[0].name)
    await shop.owner.client.imports.CreateImport(taken)
    await page.get_by_role("button", name="Import 1 product").click()
    await expect(page.get_by_role("status")).to_contain_text("Choose it once more.")
    await expect(page.get_by_label("CSV file")).to_be_visible()


async def test_a_file_that_cannot_be_read_says_why(
    shop: Shop, browser_page: BrowserPage, shot: Shot, check_accessible: Check
) -> None:
    page = await browser_page("phone")
    await shop.enter(page)
    await choose(page, shop, "prices.csv", b"Amount,Colour\n12,red\n")
    await expect(page.get_by_role("heading", name="This file could not be taken over")).to_be_visible()
    await expect(page.get_by_text("No column for the product's name was found.")).to_be_visible()
    await shot(page, "import-failed-phone")
    await check_accessible(page)
    await choose(page, shop, "empty.csv", b"")
    await expect(page.get_by_text("This file is empty. Choose another one.")).to_be_visible()


async def test_an_import_is_cancelled(shop: Shop, browser_page: BrowserPage, shot: Shot) -> None:
    job = await upload(shop.owner.client, shop.store, "Name\nShea\n")
    page = await browser_page()
    await shop.enter(page)
    await page.goto(shop.url("imports", job.name.rpartition("/")[2]))
    await shot(page, "import-open-desktop")
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("heading", name="This import was cancelled")).to_be_visible()


async def test_the_sample_can_be_imported_as_it_is(shop: Shop, browser_page: BrowserPage, tmp_path: Path) -> None:
    page = await browser_page()
    await shop.enter(page)
    await page.goto(shop.url("imports"))
    await expect(page.get_by_role("heading", name="No files yet")).to_be_visible()
    async with page.expect_download() as coming:
        await page.get_by_role("link", name="Download a sample").click()
    await (await coming.value).save_as(tmp_path / "sample.csv")
    await choose(page, shop, "sample.csv", (tmp_path / "sample.csv").read_bytes())
    await page.get_by_role("button", name=re.compile("^Import 4 products")).click()
    await expect(page.get_by_role("heading", name="Done")).to_be_visible()
    kinds = {each.item_type for each in await products(shop.owner.client, shop.store)}
    assert kinds == {
        catalog_pb2.Product.ITEM_TYPE_PRODUCT,
        catalog_pb2.Product.ITEM_TYPE_SERVICE,
        catalog_pb2.Product.ITEM_TYPE_MADE_TO_ORDER,
    }
