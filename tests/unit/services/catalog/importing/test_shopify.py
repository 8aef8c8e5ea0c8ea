"""The product export of Shopify."""

from decimal import Decimal

import pytest

from services.catalog.importing.wishes import Wish
from tests.unit.services.catalog.importing.reading import SAMPLES, look_through, read


@pytest.fixture(scope="module")
def wishes() -> dict[str, Wish]:
    return {wish.sku or wish.name: wish for wish in read((SAMPLES / "shopify.csv").read_bytes())}


def test_every_variant_becomes_a_product(wishes: dict[str, Wish]) -> None:
    assert {key: (wish.row, wish.name) for key, wish in wishes.items()} == {
        "SHEA-500": (2, "Raw Shea Butter"),
        "ANK-BLU-6": (4, "Ankara Print – Blue, 6 yd"),
        "ANK-RED-6": (5, "Ankara Print – Red, 6 yd"),
        "Gift card – 50.00": (6, "Gift card – 50.00"),
        "Last year's calendar": (7, "Last year's calendar"),
    }
    assert not any(wish.problems for wish in wishes.values())


def test_pictures_come_from_all_rows_of_a_product_the_variants_own_first(wishes: dict[str, Wish]) -> None:
    pictures = {key: [(each.uri[45:-4], each.alt_text) for each in w.values["images"]] for key, w in wishes.items()}
    assert pictures["SHEA-500"] == [("shea.jpg", "A tub of shea butter"), ("shea-open.jpg", "")]
    assert pictures["ANK-BLU-6"] == [("ankara-blue.jpg", ""), ("ankara.jpg", "")]
    assert pictures["ANK-RED-6"] == [("ankara.jpg", ""), ("ankara-blue.jpg", "")]


def test_prices_stock_and_states(wishes: dict[str, Wish]) -> None:
    shea, blue, red = (wishes[sku].values for sku in ("SHEA-500", "ANK-BLU-6", "ANK-RED-6"))
    assert (shea["price_amount"], shea["compare_at_amount"], shea["stock_count"]) == (Decimal(45), Decimal(60), 32)
    assert (blue["price_amount"], blue["compare_at_amount"], blue["stock_count"]) == (Decimal(320), None, -2)
    assert (red["price_amount"], red["stock_count"]) == (Decimal(340), None)
    gift, old = wishes["Gift card – 50.00"].values, wishes["Last year's calendar"].values
    assert gift["item_type"] == "digital_item"
    assert (old["status"], old["website_visible"], old["price_amount"]) == ("draft", False, Decimal("0.00"))


def test_texts(wishes: dict[str, Wish]) -> None:
    shea = wishes["SHEA-500"].values
    assert shea["description"] == 'Unrefined.\nFrom Tamale.\n\n"Grade A", hand made'
    assert (shea["brand"], shea["category"], shea["barcode"]) == ("Tamale Gold", "Skin Care", "6034000123459")
    assert wishes["ANK-RED-6"].values["category"] == "Fabric"


def test_what_a_product_costs_the_shop_is_not_taken_over() -> None:
    assert "Cost per item" in look_through((SAMPLES / "shopify.csv").read_bytes()).columns.unused


def test_the_columns_of_the_newer_template() -> None:
    (wish,) = read(
        "Title,URL handle,Description,SKU,Price,Compare-at price,Inventory tracker,Inventory quantity,Option1 value,"
        "Product image URL,Status\nShea,shea,<b>x</b>,S1,45.00,50.00,shopify,3,500g,https://x.example/a.jpg,Draft\n"
    )
    assert (wish.name, wish.sku, wish.values["stock_count"], wish.values["status"]) == ("Shea – 500g", "S1", 3, "draft")
    assert (wish.values["price_amount"], wish.values["compare_at_amount"]) == (Decimal("45.00"), Decimal("50.00"))


def test_rows_that_have_lost_their_first_one_are_told_so() -> None:
    found = read("Handle,Title,Variant SKU,Variant Price\na,A,A1,1\nb,B,B1,1\na,,A2,2\n")
    assert [wish.row for wish in found if wish.problems] == [4]
    assert "stand together" in found[2].problems[0].description


def test_rows_without_a_handle_are_products_of_their_own() -> None:
    assert [wish.name for wish in read("Handle,Title,Variant Price\n,A,1\n,B,2\n")] == ["A", "B"]
