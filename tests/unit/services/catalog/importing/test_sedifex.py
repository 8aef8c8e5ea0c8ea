"""Sedifex's own columns, and everybody's."""

from decimal import Decimal

import pytest
from buf.validate import validate_pb2
from sedifex.catalog.v1 import catalog_pb2

from services.catalog.importing import wishes
from services.catalog.importing.wishes import Picture
from tests.unit.services.catalog.importing.reading import SAMPLES, look_through, problems, read


def test_a_shops_own_list() -> None:
    shea, milo, braids, kente, sample = read((SAMPLES / "shop.csv").read_bytes())
    assert (shea.row, shea.name, shea.values["price_amount"], shea.values["stock_count"]) == (
        2, "Raw Shea Butter 500g", Decimal("45.00"), 32,
    )  # fmt: skip
    assert shea.values["price_currency"] == "GHS"
    assert (milo.name, milo.values["price_amount"]) == ("Milo Tin, 400g", Decimal("1062.50"))
    assert (braids.values["item_type"], braids.values["stock_count"]) == ("service", None)
    assert kente.values["price_amount"] is None, "ask for the price"
    assert [picture.uri[-5:] for picture in kente.values["images"]] == ["a.jpg", "b.jpg"]
    assert (sample.row, sample.values["price_amount"]) == (7, Decimal("0.00")), "a blank row counts in a spreadsheet"
    assert not any(wish.problems for wish in (shea, milo, braids, kente, sample))


def test_what_a_product_costs_the_shop_is_not_taken_over() -> None:
    found = look_through((SAMPLES / "shop.csv").read_bytes())
    assert found.columns.unused == ("Cost price",)


def test_a_list_from_a_french_spreadsheet() -> None:
    soap, tea, coffee = read((SAMPLES / "windows.csv").read_bytes())
    assert (soap.name, soap.values["price_amount"], soap.values["brand"]) == (
        'Savon "Karité"', Decimal("1250.00"), "Crème & Co",
    )  # fmt: skip
    assert (tea.name, tea.values["status"]) == ("Thé à la menthe en vrac", "draft")
    assert (coffee.values["price_amount"], coffee.values["stock_count"]) == (Decimal("2500.00"), 1200)


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("PRODUCT NAME", "name"),
        ("Item", "name"),
        ("displayName,", "name"),
        ("title", "name"),
        ("Name,Selling  Price", "price"),
        ("Name,Amount (GHS)", "price"),
        ("Name,QTY", "stock"),
        ("Name,stockCount", "stock"),
        ("Name,Product Code", "sku"),
        ("Name,Bar-code", "barcode"),
        ("Name,Categories", "category"),
        ("Name,reorder_point", "low_stock"),
    ],
)
def test_columns_go_by_the_names_that_people_give_them(header: str, field: str) -> None:
    assert field in look_through(f"{header}\nx,1\n").columns.at


def test_columns_that_are_missing_leave_things_as_they_are_and_empty_cells_empty() -> None:
    (wish,) = read("Name,Category,SKU\nShea,,\n")
    assert wish.values == {"display_name": "Shea", "category": ""}, "an empty sku says nothing"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("Name,Price\nShea,abc\n", (2, "Price", "abc", "is not an amount. Write it like 45.00")),
        ("Name,Qty\nShea,3.5\n", (2, "Qty", "3.5", "is not a whole number. Write it like 12")),
        ("Name,Reorder point\nShea,-1\n", (2, "Reorder point", "-1", "is too small. It must be 0 or more")),
        ("Name,Price\n,45\n", (2, "Name", "", "is empty. Every product needs a name")),
        ("Name,Published\nShea,perhaps\n", (2, "Published", "perhaps", "is neither yes nor no. Write yes or no")),
        (
            "Name,Currency,Price\nS,Cowries,4\n",
            (2, "Currency", "Cowries", "is not a currency. Write its code, such as GHS"),
        ),
    ],
)
def test_problems_are_told_by_row_and_column(row: str, problem: tuple[int, str, str, str]) -> None:
    assert problems(row) == [problem]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("Name,Type\nShea,thing\n", "is not a kind of thing"),
        ("Name,Type,Stock\nBraids,service,3\n", "is for goods only"),
        ("Name,Price,Old price\nShea,45,40\n", "must be above the price"),
        ("Name,Image\nShea,c:\\shea.jpg\n", "is not the web address of a picture"),
        ("Name,Image\nShea,javascript:alert(1)\n", "is not the web address of a picture"),
        ("Name,SKU\nShea,6.034E+12\n", "was shortened by a spreadsheet"),
        ("Name,Price\nShea, 500g,45\n", "more cells than the first row has columns"),
        (f"Name\n{'x' * 201}\n", "is 201 letters long. At most 200 are possible"),
        ("Name,Price,Currency\nShea,$4.00,GHS\n", "is in another currency than the row says"),
        ("Name,Price\nA,1,250\nB,3\n", "more cells than"),
        ('Name,Price\nA,"1,250"\nB,3\n', "can be read as 1250.00 or as 1.250"),
    ],
)
def test_what_is_wrong_is_told_in_plain_words(row: str, said: str) -> None:
    (problem,) = problems(row)
    assert said in problem[3]


def test_a_sale_price_beside_a_regular_one() -> None:
    reduced, plain = read("Name,Sale price,Regular price\nA,40,50\nB,,50\n")
    assert (reduced.values["price_amount"], reduced.values["compare_at_amount"]) == (Decimal("40.00"), Decimal("50.00"))
    assert (plain.values["price_amount"], plain.values["compare_at_amount"]) == (Decimal("50.00"), None)


def test_alt_texts_and_ids() -> None:
    (wish,) = read("Id,Name,Image,Image alt\nstores/st_a/products/prod_1,A,https://x.example/a.jpg,A tub\n")
    assert wish.product_id == "prod_1"
    assert wish.values["images"] == (Picture("https://x.example/a.jpg", "A tub"),)


def test_the_limits_are_those_of_the_contract() -> None:
    fields = catalog_pb2.Product.DESCRIPTOR.fields_by_name
    for name, length in wishes.MAX_LENGTHS.items():
        assert fields[name].GetOptions().Extensions[validate_pb2.field].string.max_len == length, name
    assert fields["images"].GetOptions().Extensions[validate_pb2.field].repeated.max_items == wishes.MAX_IMAGES
    picture = catalog_pb2.ProductImage.DESCRIPTOR.fields_by_name
    assert picture["uri"].GetOptions().Extensions[validate_pb2.field].string.max_len == wishes.MAX_URI
    assert picture["alt_text"].GetOptions().Extensions[validate_pb2.field].string.max_len == wishes.MAX_ALT_TEXT
