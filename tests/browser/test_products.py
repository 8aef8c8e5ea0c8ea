"""Products by clicking: found, added, changed, published, deleted, brought back."""

import asyncio

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from playwright.async_api import Page, expect
from sedifex.access.v1 import access_pb2
from sedifex.catalog.v1 import catalog_pb2

from tests.pages import BrowserPage, Check, Shop, Shot, Viewport

Product = catalog_pb2.Product
Money = catalog_pb2.Money


async def fill(shop: Shop) -> dict[str, Product]:
    """Puts some products of all kinds on the shelf; answers them by name."""
    pictures = f"{shop.gateway}/sample-shop/images"

    def picture(name: str) -> list[catalog_pb2.ProductImage]:
        return [catalog_pb2.ProductImage(uri=f"{pictures}/{name}.svg", alt_text=name.replace("-", " "))]

    wanted = [
        Product(
            display_name="Raw Shea Butter 500g",
            description="Unrefined, from Tamale.",
            category="Skin Care",
            brand="Tamale Gold",
            sku="SHEA-500",
            price=Money(amount="45"),
            compare_at_price=Money(amount="60"),
            stock_count=32,
            low_stock_threshold=10,
            images=picture("shea-butter"),
            sort_order=1,
        ),
        Product(
            display_name="Milo Tin 400g",
            category="Food & Beverages",
            sku="MILO-400",
            price=Money(amount="62.50"),
            stock_count=3,
            low_stock_threshold=6,
            images=picture("milo-tin"),
            sort_order=2,
        ),
        Product(
            display_name="Ankara Print 6 Yards",
            category="Fashion",
            sku="ANK-6Y-BLU",
            price=Money(amount="1320"),
            stock_count=0,
            images=picture("ankara-print"),
            sort_order=3,
        ),
        Product(
            display_name="Knotless Braids",
            category="Hair Care",
            price=Money(amount="250"),
            item_type=Product.ITEM_TYPE_SERVICE,
            website_visible=False,
            sort_order=4,
        ),
        Product(
            display_name="Custom Kente Stole",
            category="Fashion",
            item_type=Product.ITEM_TYPE_MADE_TO_ORDER,
            status=Product.STATUS_DRAFT,
            images=picture("kente-stole"),
            sort_order=5,
        ),
    ]
    made = {}
    for product in wanted:
        request = catalog_pb2.CreateProductRequest(parent=shop.store, product=product)
        made[product.display_name] = (await shop.owner.client.catalog.CreateProduct(request)).product
    return made


async def read(shop: Shop, product: Product) -> Product:
    """The product as it is now."""
    request = catalog_pb2.GetProductRequest(name=product.name)
    answer: catalog_pb2.GetProductResponse = await shop.owner.client.catalog.GetProduct(request)
    return answer.product


async def change(shop: Shop, product: Product, **values: object) -> None:
    """What somebody else does meanwhile."""
    changed = Product(name=product.name, **values)  # type: ignore[arg-type]
    request = catalog_pb2.UpdateProductRequest(product=changed, update_mask=FieldMask(paths=list(values)))
    await shop.owner.client.catalog.UpdateProduct(request)


def row(page: Page, name: str):  # type: ignore[no-untyped-def]
    """The product's row in the list."""
    return page.get_by_role("listitem").filter(has_text=name)


@pytest.mark.parametrize(("viewport", "javascript"), [("phone", True), ("desktop", False)])
async def test_a_price_is_changed_in_the_list(
    shop: Shop, browser_page: BrowserPage, viewport: Viewport, javascript: bool, shot: Shot, check_accessible: Check
) -> None:
    products = await fill(shop)
    page = await browser_page(viewport, javascript=javascript)
    await shop.enter(page)
    await page.goto(shop.url("products"))
    await expect(row(page, "Raw Shea Butter")).to_contain_text("GH₵ 45.00")
    await expect(row(page, "Custom Kente")).to_contain_text("Ask for price")
    await expect(row(page, "Milo Tin")).to_contain_text("Only 3 left")
    await shot(page, f"products-list-{viewport}")
    if javascript:
        await check_accessible(page)
    await row(page, "Milo Tin").get_by_text("Change").click()
    await row(page, "Milo Tin").get_by_label("Price").fill("1,065.5")
    await row(page, "Milo Tin").get_by_label("In stock").fill("24")
    await shot(page, f"products-quick-{viewport}")
    await row(page, "Milo Tin").get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_contain_text("“Milo Tin 400g” is saved.")
    await expect(row(page, "Milo Tin")).to_contain_text("GH₵ 1,065.50")
    saved = await read(shop, products["Milo Tin 400g"])
    assert (saved.price.amount, saved.stock_count, saved.low_stock_threshold) == ("1065.50", 24, 6)


async def test_a_product_is_added_and_what_is_wrong_is_told_at_its_field(
    shop: Shop, browser_page: BrowserPage, shot: Shot, check_accessible: Check
) -> None:
    await fill(shop)
    page = await browser_page("phone")
    await shop.enter(page)
    await page.goto(shop.url("products", "new"))
    await page.get_by_label("Name", exact=True).fill("Shito, hot")
    await page.get_by_label("Price, GH₵").fill("cheap")
    await page.get_by_label("SKU").fill("SHEA-500")
    await page.get_by_role("button", name="Add the product").click()
    await expect(page.get_by_label("Price, GH₵")).to_have_accessible_description(
        "Empty: “Ask for price”. Write an amount like 45 or 1,250.50."
    )
    await page.get_by_label("Price, GH₵").fill("GH₵ 25")
    await page.get_by_role("button", name="Add the product").click()
    await expect(page.get_by_text("Another product of this shop has this SKU.")).to_be_visible()
    await check_accessible(page)
    await shot(page, "product-new-wrong-phone")
    await page.get_by_label("SKU").fill("SHITO")
    await page.get_by_role("button", name="Add the product").click()
    await expect(row(page, "Shito, hot")).to_contain_text("GH₵ 25.00")


async def test_a_product_is_changed_while_it_is_sold(shop: Shop, browser_page: BrowserPage, shot: Shot) -> None:
    shea = (await fill(shop))["Raw Shea Butter 500g"]
    page = await browser_page()
    await shop.enter(page)
    await page.goto(shop.url("products"))
    await page.get_by_role("link", name="Raw Shea Butter 500g").click()
    await shot(page, "product-desktop")
    await page.get_by_label("Description").fill("Unrefined.\nSoftens dry skin.")
    await page.get_by_role("button", name="One more picture").click()
    await page.get_by_label("Address of picture 2").last.fill(f"{shop.gateway}/sample-shop/images/shea-butter-raw.svg")
    await page.get_by_label("What it shows in picture 2").last.fill("Raw shea butter")
    await change(shop, shea, stock_count=31)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_contain_text("is saved")
    saved = await read(shop, shea)
    assert (saved.description, saved.stock_count) == ("Unrefined.\nSoftens dry skin.", 31)
    assert [each.alt_text for each in saved.images] == ["shea butter", "Raw shea butter"]


@pytest.mark.parametrize(("viewport", "javascript"), [("phone", True), ("desktop", False)])
async def test_what_two_have_changed_is_shown_and_neither_is_lost(
    shop: Shop, browser_page: BrowserPage, viewport: Viewport, javascript: bool, shot: Shot, check_accessible: Check
) -> None:
    shea = (await fill(shop))["Raw Shea Butter 500g"]
    page = await browser_page(viewport, javascript=javascript)
    await shop.enter(page)
    await page.goto(shop.url("products", shea.name.rpartition("/")[2]))
    await page.get_by_label("Price, GH₵").fill("48")
    await page.get_by_label("Brand").fill("Northern Gold")
    await change(shop, shea, price=Money(amount="50"))
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Somebody else has changed this product")).to_be_visible()
    await expect(page.get_by_label("Price, GH₵")).to_have_value("48.00")
    await expect(page.get_by_text("Saved meanwhile: 50.00")).to_be_visible()
    await shot(page, f"product-conflict-{viewport}")
    if javascript:
        await check_accessible(page)
        await page.get_by_role("button", name="Take this").click()
        await expect(page.get_by_label("Price, GH₵")).to_have_value("50.00")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_contain_text("is saved")
    saved = await read(shop, shea)
    assert (saved.price.amount, saved.brand) == ("50.00" if javascript else "48.00", "Northern Gold")


async def test_a_product_is_published_deleted_and_brought_back(
    shop: Shop, browser_page: BrowserPage, shot: Shot
) -> None:
    stole = (await fill(shop))["Custom Kente Stole"]
    page = await browser_page("phone", javascript=False)
    await shop.enter(page)
    await page.goto(shop.url("products", stole.name.rpartition("/")[2]))
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_role("status")).to_contain_text("is published")
    assert (await read(shop, stole)).status == Product.STATUS_PUBLISHED
    await page.get_by_text("Delete this product").click()
    await page.get_by_role("button", name="Delete it now").click()
    await expect(page.get_by_role("status")).to_contain_text("“Custom Kente Stole” is deleted.")
    await expect(row(page, "Custom Kente")).to_have_count(0)
    await shot(page, "products-deleted-phone")
    await page.get_by_role("button", name="Bring it back").click()
    await expect(page.get_by_role("heading", name="Custom Kente Stole")).to_be_visible()
    assert (await read(shop, stole)).status == Product.STATUS_PUBLISHED


async def test_products_are_found_and_published_together(
    shop: Shop, browser_page: BrowserPage, shot: Shot, check_accessible: Check
) -> None:
    products = await fill(shop)
    page = await browser_page()
    await shop.enter(page)
    await page.goto(shop.url("products"))
    await page.get_by_text("Filter and order").click()
    await page.get_by_label("Category").select_option("Fashion")
    await expect(page.locator(".product")).to_have_count(2)
    for name in ("Ankara Print", "Custom Kente"):
        await page.get_by_label(f"Choose {name}").check()
    await shot(page, "products-chosen-desktop")
    await check_accessible(page)
    await page.get_by_role("button", name="Unpublish").click()
    await expect(page.get_by_role("status")).to_contain_text("2 products are drafts now")
    found = await asyncio.gather(*(read(shop, each) for each in products.values()))
    assert sum(each.status == Product.STATUS_DRAFT for each in found) == 2
    await page.get_by_role("searchbox", name="Find").fill("milo nothing")
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()


async def test_staff_look_and_change_nothing(shop: Shop, browser_page: BrowserPage) -> None:
    shea = (await fill(shop))["Raw Shea Butter 500g"]
    page = await browser_page("phone")
    await shop.enter(page, await shop.new_person(access_pb2.ROLE_STAFF))
    await page.goto(shop.url("products"))
    await expect(row(page, "Raw Shea Butter")).to_contain_text("32 in stock")
    await expect(page.get_by_text("Add a product")).to_have_count(0)
    await expect(page.get_by_text("Change", exact=True)).to_have_count(0)
    await page.goto(shop.url("products", shea.name.rpartition("/")[2]))
    await expect(page.get_by_text("Unrefined, from Tamale.")).to_be_visible()
    await expect(page.get_by_role("button", name="Save")).to_have_count(0)


async def test_a_new_shop_is_told_how_products_come(
    shop: Shop, browser_page: BrowserPage, shot: Shot, check_accessible: Check
) -> None:
    page = await browser_page("phone")
    await shop.enter(page)
    await page.goto(shop.url("products"))
    await expect(page.get_by_role("heading", name="No products yet")).to_be_visible()
    await check_accessible(page)
    await shot(page, "products-empty-phone")
