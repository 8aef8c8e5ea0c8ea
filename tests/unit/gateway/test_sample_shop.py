"""What a demo, the seed and the plugin's test shop rely on in the sample shop."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from gateway.sample_shop.draw import DRAWINGS, IMAGES

SHOP: dict[str, Any] = json.loads((IMAGES.parent / "shop.json").read_text(encoding="utf-8"))
PRODUCTS: list[dict[str, Any]] = SHOP["products"]
PICTURES = sorted(IMAGES.glob("*.svg"))

# An id is its prefix and a ULID: Crockford's base32 without I, L, O, U; a first digit over 7 would pass 128 bits.
PRODUCT_ID = re.compile(r"prod_[0-7][0-9A-HJKMNP-TV-Z]{25}")


def repeated(values: Iterable[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]


def given(field: str) -> list[Any]:
    return [product[field] for product in PRODUCTS if field in product]


def test_shop_belongs_to_the_test_environment_and_sells_in_cedis() -> None:
    assert SHOP["store"]["environment"] == "ENVIRONMENT_TEST"
    assert {SHOP["store"]["currencyCode"]} == {price["currencyCode"] for price in given("price")} == {"GHS"}


def test_ids_are_valid_and_unique() -> None:
    ids = given("id")
    assert len(ids) == len(PRODUCTS) == 40
    assert [value for value in ids if not PRODUCT_ID.fullmatch(value)] == []
    assert repeated(ids) == []


@pytest.mark.parametrize("field", ["displayName", "sku", "barcode"])
def test_value_is_unique_within_the_store(field: str) -> None:
    assert repeated(given(field)) == []


def test_sort_order_is_a_total_order() -> None:
    assert given("sortOrder") == sorted(set(given("sortOrder")))
    assert len(given("sortOrder")) == len(PRODUCTS)


def test_barcodes_carry_their_check_digit() -> None:
    """GS1 General Specifications 7.9: an EAN-13's digits, weighted 1 and 3 in turn from the left, sum to 0 mod 10."""
    sums = {code: sum(int(digit) * (3 if n % 2 else 1) for n, digit in enumerate(code)) for code in given("barcode")}
    assert [code for code, total in sums.items() if len(code) != 13 or total % 10] == []


def test_amounts_have_two_decimals() -> None:
    amounts = [price["amount"] for price in given("price")]
    assert [amount for amount in amounts if not re.fullmatch(r"(0|[1-9]\d*)\.\d{2}", amount)] == []


def test_shop_shows_ask_for_price_and_free_of_charge() -> None:
    assert len([product for product in PRODUCTS if "price" not in product]) == 3
    assert [price["amount"] for price in given("price")].count("0.00") == 1


def test_only_products_track_stock() -> None:
    tracked = {product["itemType"] for product in PRODUCTS if "stockCount" in product or "lowStockThreshold" in product}
    assert tracked == {"ITEM_TYPE_PRODUCT"}


def test_shop_shows_every_stock_label() -> None:
    counts = [(product.get("stockCount"), product.get("lowStockThreshold", 0)) for product in PRODUCTS]
    assert any(count == 0 for count, _ in counts)
    assert any(count is not None and 0 < count <= threshold for count, threshold in counts)
    assert any(count is not None and count > threshold for count, threshold in counts)
    assert any(product["itemType"] == "ITEM_TYPE_PRODUCT" and "stockCount" not in product for product in PRODUCTS)


def test_shop_has_every_kind_of_item() -> None:
    kinds = Counter(given("itemType"))
    assert kinds == {
        "ITEM_TYPE_PRODUCT": 33,
        "ITEM_TYPE_SERVICE": 3,
        "ITEM_TYPE_MADE_TO_ORDER": 2,
        "ITEM_TYPE_COURSE": 1,
        "ITEM_TYPE_DIGITAL_ITEM": 1,
    }


def test_shop_holds_back_drafts_and_a_counter_only_product() -> None:
    hidden = [product["status"] for product in PRODUCTS if not product["websiteVisible"]]
    assert given("status").count("STATUS_DRAFT") == 2
    assert hidden == ["STATUS_PUBLISHED"]


def test_pictures_are_exactly_those_that_products_name() -> None:
    named = [image["file"] for product in PRODUCTS for image in product["images"]]
    assert repeated(named) == []
    assert sorted(named) == [picture.name for picture in PICTURES]
    assert len([product for product in PRODUCTS if not product["images"]]) == 4


def test_every_picture_is_described_for_those_who_cannot_see_it() -> None:
    texts = [image["altText"] for product in PRODUCTS for image in product["images"]]
    assert all(texts)
    assert repeated(texts) == []


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.stem)
def test_picture_is_well_formed_and_refers_to_nothing_outside_itself(picture: Path) -> None:
    root = ET.fromstring(picture.read_text(encoding="utf-8"))  # noqa: S314 - our own file, not a stranger's
    elements = list(root.iter())
    ids = [element.attrib["id"] for element in elements if "id" in element.attrib]
    values = [(name, value) for element in elements for name, value in element.attrib.items()]
    active = {"script", "foreignObject", "image", "use", "a", "style", "animate", "set"}

    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.attrib["viewBox"] == "0 0 800 800"
    assert active.isdisjoint(element.tag.rpartition("}")[2] for element in elements)
    assert [name for name, _ in values if name.startswith("on") or name.endswith("href")] == []
    assert {target for _, value in values for target in re.findall(r"url\(([^)]*)\)", value)} == {
        f"#{name}" for name in ids
    }
    assert repeated(ids) == []


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.stem)
def test_picture_suits_a_slow_link(picture: Path) -> None:
    assert 1_500 <= picture.stat().st_size <= 6_600


@pytest.mark.parametrize("name", DRAWINGS)
def test_redrawing_yields_the_committed_picture(name: str) -> None:
    assert DRAWINGS[name]() == (IMAGES / name).read_text(encoding="utf-8")
