"""Amounts as people write them."""

from decimal import Decimal

import pytest

from services.catalog.importing.amounts import NotAnAmountError, common_mark, decimal_mark, read_amount


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("45", "45.00", None),
        ("45.00", "45.00", None),
        ("0", "0.00", None),
        (".50", "0.50", None),
        ("45.", "45.00", None),
        ("0.250", "0.25", None),
        ("45.5000", "45.50", None),
        ("1,250.00", "1250.00", None),
        ("1.250,00", "1250.00", None),
        ("1,250,000", "1250000.00", None),
        ("1.250.000,5", "1250000.50", None),
        ("12,5", "12.50", None),
        ("1 250,50", "1250.50", None),
        ("1\u00a0250", "1250.00", None),
        ("1'250.00", "1250.00", None),
        ("GH₵ 45", "45.00", "GHS"),
        ("GHS1,250.00", "1250.00", "GHS"),
        ("45 cedis", "45.00", "GHS"),
        ("₵45", "45.00", "GHS"),
        ("$3.50", "3.50", "USD"),
        ("12,00 €", "12.00", "EUR"),
        ("₦1,500.00", "1500.00", "NGN"),
        ("UGX 2500/=", "2500.00", "UGX"),
    ],
)
def test_an_amount_is_read_as_it_was_meant(text: str, amount: str, currency: str | None) -> None:
    read = read_amount(text, "")
    assert read is not None
    assert (read.amount, read.currency) == (Decimal(amount), currency)


@pytest.mark.parametrize("text", ["", "-", "ask for price", "On request"])
def test_no_amount_is_a_price_to_ask_for(text: str) -> None:
    assert read_amount(text, "") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("abc", "is not an amount. Write it like 45.00"),
        ("12 34", "is not an amount"),
        ("1.2.3", "is not an amount"),
        ("1,25,0.00", "is not an amount"),
        ("45 per kg", "is not an amount"),
        ("5 pcs", "is not an amount"),
        ("-5", "is below zero"),
        ("45.125.1", "is not an amount"),
        ("45.1255", "more than two decimals"),
        ("9999999999999", "too large"),
        ("1,250", "can be read as 1250.00 or as 1.250. Write it like 1250.00"),
        ("1.250", "can be read as 1250.00 or as 1.250"),
        ("4" * 100_000, "is not an amount"),
        ("x" * 100_000, "is not an amount"),
        ("٤٥", "is not an amount"),
    ],
)
def test_what_is_no_amount_is_told_so(text: str, said: str) -> None:
    with pytest.raises(NotAnAmountError, match=said):
        read_amount(text, "")


@pytest.mark.parametrize(
    ("text", "mark", "amount"),
    [("1,250", ".", "1250.00"), ("1.250", ".", "1.25"), ("1.250", ",", "1250.00"), ("1,250", ",", "1.25")],
)
def test_what_could_be_either_is_read_as_its_column_is_written(text: str, mark: str, amount: str) -> None:
    read = read_amount(text, mark)
    assert read is not None
    assert read.amount == Decimal(amount)


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["1,250", "45.50"], "."),
        (["1.250", "45,50"], ","),
        (["1,250,000", "3"], "."),
        (["1,250", "3"], ""),
        (["45.50", "45,50"], ""),
    ],
)
def test_a_column_tells_which_mark_it_has_before_decimals(texts: list[str], mark: str) -> None:
    assert common_mark(map(decimal_mark, texts)) == mark
