"""Amounts as people write them: "45", "GH₵ 1,250.00", "1.250,00", "1 250".

What "1,250" means depends on who wrote it. So a column is looked at as a whole first: one amount that can only be read
in one way ("1,250.50", "12,5") tells how the others are meant.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

CENT = Decimal("0.01")
MAX_AMOUNT = Decimal(10) ** 12
_CURRENCIES = {
    "GHS": ("ghs", "gh₵", "gh¢", "gh¢s", "ghc", "ghç", "₵", "¢", "cedi", "cedis", "ghanacedis", "ghscedis"),
    "NGN": ("ngn", "₦", "naira"),
    "USD": ("usd", "us$", "$"),
    "EUR": ("eur", "€"),
    "GBP": ("gbp", "£"),
    "XOF": ("xof", "cfa", "fcfa", "f cfa"),
    "KES": ("kes", "ksh"),
    "ZAR": ("zar",),
}
_ISO = frozenset(
    [
        "AED",
        "AUD",
        "BWP",
        "CAD",
        "CHF",
        "CNY",
        "DKK",
        "EGP",
        "ETB",
        "GMD",
        "GNF",
        "INR",
        "JPY",
        "LRD",
        "MAD",
        "MUR",
        "MZN",
        "NAD",
        "NOK",
        "RWF",
        "SEK",
        "SLE",
        "SLL",
        "TND",
        "TZS",
        "UGX",
        "XAF",
        "ZMW",
    ]
)
MAX_LENGTH = 40
"""Letters of an amount: what is longer is none."""
_CODES = {mark: code for code, marks in _CURRENCIES.items() for mark in marks}
_AMOUNT = re.compile(
    r"(?P<before>[^\d.,+-]*)(?P<sign>[+-]?)(?P<before2>[^\d.,+-]*)(?P<number>[\d.,'’\s]*\d[.,]?)(?P<after>.*)",
    re.DOTALL,
)
_NOTHING = frozenset({"", "-", "–", "—", "ask", "ask for price", "ask price", "on request", "price on request", "call"})
_GROUPED_BY_SPACES = re.compile(r"\d{1,3}(?:[\s'’]\d{3})+(?=[.,]|$)")


class NotAnAmountError(ValueError):
    """The text is no amount, or it cannot be told which; the message says what is wrong, in plain words."""


@dataclass(frozen=True, slots=True)
class Amount:
    """So much money."""

    amount: Decimal
    currency: str | None
    """None: the text names none."""


def decimal_mark(text: str) -> str:
    """The mark before the decimals that this amount can only be meant with, "." or ","; empty if it tells nothing."""
    parts = _AMOUNT.fullmatch(text) if len(text) <= MAX_LENGTH else None
    return _marks(_without_spaces(parts["number"]))[0] if parts else ""


def common_mark(marks: Iterable[str]) -> str:
    """The mark that all which tell one agree on; empty: there is none, or more than one."""
    told = {mark for mark in marks if mark}
    return told.pop() if len(told) == 1 else ""


def read_amount(text: str, mark: str) -> Amount | None:
    """The amount; None where there is none: the price is to be asked for. `mark` is that of the column, if known.

    Raises:
        NotAnAmountError: it is none.
    """
    if text.casefold() in _NOTHING:
        return None
    parts = _AMOUNT.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if parts is None:
        raise NotAnAmountError("is not an amount. Write it like 45.00")
    currency = _currency(parts["before"] + parts["before2"], parts["after"])
    if parts["sign"] == "-":
        raise NotAnAmountError("is below zero. A price is 0 or more")
    amount = _value(_without_spaces(parts["number"]), mark)
    if amount != amount.quantize(CENT):
        raise NotAnAmountError("has more than two decimals. Write it like 45.00")
    if amount >= MAX_AMOUNT:
        raise NotAnAmountError("is too large for a price")
    return Amount(amount.quantize(CENT), currency)


def currency_code(text: str) -> str | None:
    """The code of a currency that is written as a code, a sign or a word; None: it is no currency."""
    plain = re.sub(r"[\s.]", "", text).casefold()
    if plain in _CODES:
        return _CODES[plain]
    return plain.upper() if plain.upper() in _ISO else None


def _currency(before: str, after: str) -> str | None:
    # "/=" and "/-" stand behind whole amounts in East Africa, and mean nothing.
    after = re.sub(r"^\s*/\s*[=-]", "", after)
    found = {currency_code(each) for each in (before, after) if each.strip()}
    if None in found or len(found) > 1:
        raise NotAnAmountError("is not an amount. Write it like 45.00")
    return found.pop() if found else None


def _without_spaces(number: str) -> str:
    """The number without spaces and apostrophes between its thousands; any other space stays, and makes it none."""
    number = number.strip()
    grouped = _GROUPED_BY_SPACES.match(number)
    if grouped is None:
        return number
    return re.sub(r"[\s'’]", "", grouped[0]) + number[grouped.end() :]


def _marks(number: str) -> tuple[str, str]:
    """Of a number: the mark before its decimals and the one between its thousands, as far as it tells."""
    dots, commas = number.count("."), number.count(",")
    if dots and commas:
        return (".", ",") if number.rfind(".") > number.rfind(",") else (",", ".")
    mark = "." if dots else ","
    other = "," if dots else "."
    if dots + commas > 1:
        return other, mark
    if dots + commas == 1 and not _is_ambiguous(number):
        return mark, other
    return "", ""


def _is_ambiguous(number: str) -> bool:
    """Whether it is like "1.250": a thousand and something, or one and a quarter."""
    return re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", number) is not None


def _value(number: str, mark: str) -> Decimal:
    decimals, thousands = _marks(number)
    if not decimals and _is_ambiguous(number):
        if not mark:
            whole, _, part = re.sub(",", ".", number).partition(".")
            raise NotAnAmountError(
                f"can be read as {whole}{part}.00 or as {whole}.{part}. Write it like {whole}{part}.00"
            )
        decimals, thousands = mark, "," if mark == "." else "."
    whole, _, part = number.partition(decimals) if decimals else (number, "", "")
    if thousands and thousands in whole:
        if not re.fullmatch(rf"\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+", whole):
            raise NotAnAmountError("is not an amount. Write it like 1250.00")
        whole = whole.replace(thousands, "")
    if not re.fullmatch(r"\d{0,15}", whole, re.ASCII) or not re.fullmatch(r"\d{0,15}", part, re.ASCII):
        raise NotAnAmountError("is not an amount. Write it like 45.00")
    return Decimal(f"{whole or 0}.{part or 0}")
