"""Events show a product exactly as REST does, though by another way."""

from datetime import UTC, datetime
from decimal import Decimal

from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.convert import product_message
from services.catalog.queries import Image, Price, Product
from services.catalog.view import view_of

_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_amount = st.decimals(0, 10**9, places=2)
_moment = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_image = st.builds(Image, _text, _text, st.integers(0, 20_000), st.integers(0, 20_000))
_price = st.builds(Price, st.sampled_from(["USD", "EUR"]), _amount)
_products = st.builds(
    Product,
    store_id=st.just("st_a"),
    id=st.just("p"),
    display_name=_text,
    description=_text,
    category=_text,
    brand=_text,
    sku=st.none() | _text,
    barcode=_text,
    price_amount=st.none() | _amount,
    price_currency=st.sampled_from(["GHS", "XOF"]),
    stock_count=st.none() | st.integers(-5, 20),
    low_stock_threshold=st.none() | st.integers(0, 20),
    item_type=st.sampled_from(["product", "service", "made_to_order", "course", "digital_item"]),
    images=st.lists(_image, max_size=3).map(tuple),
    status=st.sampled_from(["draft", "published"]),
    website_visible=st.booleans(),
    sort_order=st.integers(-3, 3),
    version=st.integers(1, 10**9),
    create_time=_moment,
    update_time=_moment,
    delete_time=st.none() | _moment,
    request_id=st.none(),
    compare_at_amount=st.none(),
    other_prices=st.lists(_price, max_size=2).map(tuple),
    seen_version=st.none(),
)


@given(_products)
def test_a_view_is_what_protobuf_makes_of_the_message(product: Product) -> None:
    assert view_of(product) == MessageToDict(product_message(product))


@given(_products.filter(lambda product: product.price_amount is not None), _amount)
def test_so_is_one_with_a_price_before_a_reduction(product: Product, before: Decimal) -> None:
    reduced = Product(**{**product.__dict__, "compare_at_amount": before})
    assert view_of(reduced) == MessageToDict(product_message(reduced))
