"""Products as forms have them: what people type is read, and what cannot be read is told at its field."""

import pytest
from sedifex.catalog.v1 import catalog_pb2

from gateway.admin import product_forms
from gateway.admin.forms import Form, Problems

Product = catalog_pb2.Product


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("45", "45.00"),
        ("45.5", "45.50"),
        ("0", "0.00"),
        ("1,250.50", "1250.50"),
        ("GH₵ 1,250", "1250.00"),
        ("ghs45", "45.00"),
        ("1 250", "1250.00"),
        ("007", "7.00"),
        ("1,25", None),
        ("12,50.00", None),
        ("45.505", None),
        ("-1", None),
        ("1e3", None),
        ("cheap", None),
        ("", None),
        ("9" * 13, None),
    ],
)
def test_an_amount_is_read_in_one_way_or_not_at_all(text: str, amount: str | None) -> None:
    assert product_forms.read_amount(text) == amount


def test_a_product_comes_back_from_its_form_as_it_was() -> None:
    product = Product(
        display_name="Shea",
        description="Two\nlines",
        price=catalog_pb2.Money(currency_code="GHS", amount="45.00"),
        compare_at_price=catalog_pb2.Money(currency_code="GHS", amount="60.00"),
        stock_count=-2,
        low_stock_threshold=0,
        item_type=Product.ITEM_TYPE_PRODUCT,
        images=[catalog_pb2.ProductImage(uri="https://shop.example/a.jpg", alt_text="A", width_pixels=8)],
        status=Product.STATUS_DRAFT,
        website_visible=False,
        sort_order=3,
    )
    assert product_forms.product_of(product_forms.values_of(product), product) == product


def test_a_form_that_was_not_touched_changes_nothing() -> None:
    product = Product(
        display_name="Shea",
        description="Two\nlines",
        price=catalog_pb2.Money(amount="1045.00"),
        stock_count=1200,
        images=[catalog_pb2.ProductImage(uri="https://shop.example/a.jpg")],
    )
    values = product_forms.values_of(product)
    fields = [(name, text.replace("\n", "\r\n")) for name, text in values.items() if name != "images"]
    fields += [("image_uri", "https://shop.example/a.jpg"), ("image_alt", ""), ("image_uri", ""), ("image_alt", "")]
    assert product_forms.sent_values(Form(fields)) == values


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("display_name", ""),
        ("price", "cheap"),
        ("before", "12,5"),
        ("stock", "many"),
        ("stock", "1.5"),
        ("low_stock", "-1"),
        ("sort_order", "first"),
        ("kind", "house"),
        ("images", product_forms.pack([("ftp://shop.example/a.jpg", "")])),
        ("images", product_forms.pack([("https://shop.example/a b.jpg", "")])),
        ("images", product_forms.pack([("https://shop.example/a.jpg", "")] * 11)),
    ],
)
def test_what_cannot_be_read_is_told_at_its_field(name: str, text: str) -> None:
    problems = product_forms.check({**product_forms.new_values(), "display_name": "Shea", "price": "5.00", name: text})
    assert list(problems.fields) == [name]


def test_what_the_service_refuses_is_told_at_the_field_in_plain_words() -> None:
    refused = Problems("Some of this needs another look.", {"stock_count": "is for goods (ITEM_TYPE_PRODUCT) only"})
    told = product_forms.explained(refused).fields
    assert told == {"stock": "Only goods are counted. Empty this, or choose “Goods” as the kind."}
    assert list(product_forms.explained(Problems("…", {}, "SKU_TAKEN")).fields) == ["sku"]


@pytest.mark.parametrize("text", ["", "[]", "null", '{"cost": "1"}', '{"price": 1}', "{"])
def test_what_was_tampered_with_is_no_form(text: str) -> None:
    assert product_forms.unpack_values(text) is None
