"""One-time codes: the published vectors, the window, and each code once."""

import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from services.keys.membership import totp

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""RFC 6238, appendix B: "12345678901234567890" in base 32."""
NOW = datetime(2026, 3, 1, 12, 0, 10, tzinfo=UTC)
STEP = int(NOW.timestamp()) // totp.STEP_S


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    """The vectors have eight digits, of which six are the last six."""
    assert totp.code_at(SECRET, seconds // 30) == code


@pytest.mark.parametrize(("off", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_off_by_one_step(off: int, accepted: bool) -> None:
    code = totp.code_at(SECRET, STEP + off)
    assert totp.accepted_step(SECRET, code, NOW, 0) == (STEP + off if accepted else None)


@pytest.mark.parametrize(("last", "accepted"), [(STEP - 1, True), (STEP, False), (STEP + 1, False)])
def test_a_code_is_accepted_once_and_none_from_before(last: int, accepted: bool) -> None:
    assert (totp.accepted_step(SECRET, totp.code_at(SECRET, STEP), NOW, last) is not None) == accepted


@pytest.mark.parametrize("code", ["", "000000", "28708", "2870822", "abcdef", "é" * 6, "١٢٣٤٥٦"])
def test_what_is_no_code_is_not_accepted(code: str) -> None:
    assert totp.accepted_step(SECRET, code, NOW + timedelta(days=1), 0) is None


def test_an_app_is_told_whose_secret_it_is() -> None:
    uri = urlsplit(totp.uri_of(SECRET, "ama@shop.example"))
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Sedifex:ama%40shop.example")
    assert parse_qs(uri.query) == {"secret": [SECRET], "issuer": ["Sedifex"]}


def test_a_new_secret_has_160_bits() -> None:
    assert len({totp.new_secret() for _ in range(10)}) == 10
    assert len(totp.new_secret()) == 32


def test_recovery_codes_are_ten_and_differ() -> None:
    codes = totp.new_recovery_codes(secrets.choice)
    assert len(set(codes)) == totp.RECOVERY_CODES
    assert all(len(totp.canonical(code)) == 10 for code in codes)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("123 456", "123456"), (" 123456\n", "123456"), ("7kq2m xf4wa", "7KQ2MXF4WA"), ("7KQ2M-XF4WA", "7KQ2MXF4WA")],
)
def test_how_a_code_was_typed_does_not_matter(typed: str, meant: str) -> None:
    assert totp.canonical(typed) == meant
