"""The product export of WooCommerce."""

from decimal import Decimal

import pytest

from services.catalog.importing.wishes import Wish
from tests.unit.services.catalog.importing.reading import SAMPLES, look_through, read


@pytest.fixture(scope="module")
def wishes() -> dict[str, Wish]:
    return {wish.sku or wish.name: wish for wish in read((SAMPLES / "woocommerce.csv").read_bytes())}


def test_every_product_and_variation_becomes_one_and_nothing_else(wishes: dict[str, Wish]) -> None:
    assert list(wishes) == [
        "ANK-6Y-BLU", "ANK-6Y-RED", "SHEA-500", "BRAIDS", "EBOOK", "Shito, hot", "HID", "T-shirt – M",
    ]  # fmt: skip
    assert not any(wish.problems for wish in wishes.values())


def test_a_variation_is_named_after_its_parent_and_takes_over_what_it_lacks(wishes: dict[str, Wish]) -> None:
    blue, red = wishes["ANK-6Y-BLU"].values, wishes["ANK-6Y-RED"].values
    assert blue["display_name"] == "Ankara Print 6 Yards – Blue, Matt"
    assert blue["description"] == red["description"] == "Wax print, 100% cotton.\n\n- 6 yards\n\n- Wash cold & dry flat"
    assert (blue["category"], blue["brand"]) == ("Cloth", "GTP")
    assert [picture.uri[-8:] for picture in blue["images"]] == ["blue.jpg"]
    assert [picture.uri[-8:] for picture in red["images"]] == ["kara.jpg", "ra-2.jpg"]


def test_a_sale_price_is_the_price_and_the_regular_one_what_it_was(wishes: dict[str, Wish]) -> None:
    blue = wishes["ANK-6Y-BLU"].values
    assert (blue["price_amount"], blue["compare_at_amount"]) == (Decimal("280.00"), Decimal("320.00"))
    ebook = wishes["EBOOK"].values
    assert (ebook["price_amount"], ebook["compare_at_amount"]) == (Decimal("30.00"), None), "that sale has ended"


def test_stock_is_its_own_or_the_parents_or_not_counted(wishes: dict[str, Wish]) -> None:
    counts = {name: wish.values["stock_count"] for name, wish in wishes.items()}
    assert counts == {
        "ANK-6Y-BLU": 4, "ANK-6Y-RED": 9, "SHEA-500": 32, "BRAIDS": None, "EBOOK": None, "Shito, hot": 0, "HID": None,
        "T-shirt – M": None,
    }  # fmt: skip
    assert wishes["SHEA-500"].values["low_stock_threshold"] == 10


def test_kinds_states_and_categories(wishes: dict[str, Wish]) -> None:
    assert wishes["BRAIDS"].values["item_type"] == "service"
    assert wishes["EBOOK"].values["item_type"] == "digital_item"
    assert wishes["EBOOK"].values["category"] == ""
    assert wishes["Shito, hot"].values["status"] == "draft"
    assert wishes["Shito, hot"].values["category"] == "Food, drinks"
    assert wishes["HID"].values["website_visible"] is False
    assert wishes["T-shirt – M"].values["status"] == "draft"


def test_texts_are_plain(wishes: dict[str, Wish]) -> None:
    shea = wishes["SHEA-500"]
    assert shea.name == 'Raw "Grade A" Shea Butter 500g'
    assert shea.values["description"] == "Unrefined, from Tamale.\nKeeps for 2 years."
    assert shea.values["barcode"] == "2010000000014"
    assert wishes["BRAIDS"].values["description"] == "Bring your own hair."


def test_private_columns_are_not_used() -> None:
    assert "Meta: _supplier" in look_through((SAMPLES / "woocommerce.csv").read_bytes()).columns.unused


def test_a_variation_may_stand_before_its_parent_but_not_without_it() -> None:
    header = "ID,Type,SKU,Name,Regular price,Parent\n"
    (wish,) = read(header + "2,variation,B,Hat - M,5,id:1\n1,variable,,Hat,,\n")
    assert (wish.name, wish.problems) == ("Hat - M", ())
    (lost,) = read(header + "2,variation,B,Hat - M,5,id:1\n")
    assert lost.problems[0].description.startswith("is not in this file")


def test_amounts_are_read_as_the_shops_locale_writes_them() -> None:
    (wish, _) = read('Type,Name,Regular price,Sale price\nsimple,A,1.250,\nsimple,B,"12,50",\n')
    assert wish.values["price_amount"] == Decimal("1250.00")
