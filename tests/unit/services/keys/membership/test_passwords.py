"""What may be a password, and what an email."""

import pytest

from services.common.errors import InvalidArgument
from services.keys.membership import emails, passwords

EMAIL = "ama.mensah@shop.example"


@pytest.mark.parametrize(
    "password", ["kenkey and shito", "x1" * 5, "a" * 199 + "b", "ɛyɛ me dɛ paa", "          .", "12345 67890"]
)
def test_long_and_unexpected_is_enough(password: str) -> None:
    assert passwords.check_new(password, EMAIL, "password") == password


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("", "10 characters or more"),
        ("ninechars", "10 characters or more"),
        ("a" * 200 + "b", "200 characters at most"),
        (EMAIL, "email"),
        (EMAIL.upper(), "email"),
        ("ama.mensah", "email"),
        ("Password123", "guessed first"),
        ("1234567890", "guessed first"),
        ("zzzzzzzzzzzz", "guessed first"),
    ],
)
def test_what_is_short_or_guessed_first_is_refused_with_what_to_do(password: str, says: str) -> None:
    with pytest.raises(InvalidArgument, match=says) as refused:
        passwords.check_new(password, EMAIL, "new_password")
    assert refused.value.violations[0].field == "new_password"
    assert refused.value.reason == "PASSWORD_NOT_ALLOWED"


def test_the_error_does_not_repeat_the_password() -> None:
    with pytest.raises(InvalidArgument) as refused:
        passwords.check_new("Password123", EMAIL, "password")
    assert "Password123" not in refused.value.message


def test_one_password_typed_on_two_keyboards_is_one() -> None:
    composed, decomposed = "caf\u00e9 au lait", "cafe\u0301 au lait"
    assert passwords.check_new(decomposed, EMAIL, "password") == composed == passwords.normalise(composed)


def test_every_one_of_the_commonest_could_be_chosen_otherwise() -> None:
    assert all(len(each) >= passwords.MIN_LENGTH for each in passwords.COMMONEST)
    assert all(each == each.lower() for each in passwords.COMMONEST)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("ama@shop.example", "ama@shop.example"),
        ("  Ama@Shop.Example\n", "ama@shop.example"),
        ("ama+shop@mail.shop.example", "ama+shop@mail.shop.example"),
        ("ɛsi@shop.example", "ɛsi@shop.example"),
    ],
)
def test_an_email_has_one_way_of_writing(written: str, kept: str) -> None:
    assert emails.normalise(written) == kept


@pytest.mark.parametrize(
    "wrong",
    ["", "ama", "ama@", "@shop.example", "ama@shop", "a b@shop.example", "ama@@shop.example", "ama@shop..example",
     "ama@shop.example\0", "a" * 65 + "@shop.example", "ama@" + "x" * 250 + ".example"],
)  # fmt: skip
def test_what_is_no_email_is_refused_with_an_example(wrong: str) -> None:
    with pytest.raises(InvalidArgument, match=r"ama@example\.com"):
        emails.normalise(wrong)
