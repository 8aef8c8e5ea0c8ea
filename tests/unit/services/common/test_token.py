"""Tokens can be recognised, and a mistyped one is refused without a look-up."""

import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.access import service_identity
from services.common.access.token import ALPHABET, CHECKSUM_LENGTH, RANDOM_LENGTH, Kind, hint, kind_of, mint, redact


@pytest.mark.parametrize("kind", Kind)
def test_a_new_token_tells_what_it_is_for(kind: Kind) -> None:
    token = mint(kind)
    assert kind_of(token) is kind
    assert re.fullmatch(rf"{kind}[0-9A-Za-z]{{{RANDOM_LENGTH + CHECKSUM_LENGTH}}}", token)
    assert mint(kind) != token


def test_the_checksum_is_the_documented_one() -> None:
    """CRC-32 in base 62, digits before capitals before small letters: a vector for others who recognise tokens."""
    assert zlib.crc32(("sdfx_live_" + "0" * 32).encode()) == 3_170_856_919
    assert kind_of("sdfx_live_" + "0" * 32 + "3SaajX") is Kind.LIVE


@given(st.sampled_from(Kind), st.integers(0, 47), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(kind: Kind, place: int, character: str) -> None:
    token = mint(kind)
    place = len(token) - 1 - place % (RANDOM_LENGTH + CHECKSUM_LENGTH)
    changed = token[:place] + character + token[place + 1 :]
    assert (kind_of(changed) is None) == (changed != token)


@given(st.text())
def test_no_text_upsets_it(text: str) -> None:
    assert kind_of(text) is None
    assert kind_of(Kind.LIVE + text) is None


@pytest.mark.parametrize("change", [str.upper, str.strip, lambda token: f" {token}", lambda token: f"{token}\n"])
def test_nothing_but_the_exact_token_is_taken(change: object) -> None:
    token = mint(Kind.LIVE)
    changed = change(token)  # type: ignore[operator]
    assert (kind_of(changed) is None) == (changed != token)


def test_a_hint_is_no_use_to_anybody() -> None:
    token = mint(Kind.TEST)
    assert hint(token) == f"sdfx_test_…{token[-4:]}"


def test_a_services_token_is_its_own() -> None:
    secret = "s" * 32
    token = service_identity.token_for("catalog", secret)
    caller = service_identity.identify(token, secret)
    assert caller is not None
    assert caller.principal == "services/catalog"
    assert service_identity.identify(token.replace("catalog", "keys"), secret) is None
    assert service_identity.identify(token, "t" * 32) is None
    assert service_identity.identify(service_identity.token_for("stranger", secret), secret) is None
    assert service_identity.identify("sdfx_svc_catalog_ü", secret) is None


@pytest.mark.parametrize("kind", Kind)
def test_a_token_in_a_text_is_replaced_by_its_hint(kind: Kind) -> None:
    token, other = mint(kind), mint(kind)
    assert redact(f"https://shop.example/?key={token}&page=2#{other}") == (
        f"https://shop.example/?key={hint(token)}&page=2#{hint(other)}"
    )


@pytest.mark.parametrize("token", ["sdfx_live_" + "a" * 38, "sdfx_live_" + "a" * 60, "sdfx_live_" + "a" * 20])
def test_what_only_looks_like_a_token_is_replaced_as_well(token: str) -> None:
    assert redact(f"({token})") == "(…aaaa)"


def test_a_services_token_is_replaced_as_well() -> None:
    token = service_identity.token_for("catalog", "a secret for this test, 32 characters")
    assert token[20:40] not in redact(f"found {token} there")


@pytest.mark.parametrize("text", ["", "https://shop.example/sdfx_live_", "sdfx live aaaaaaaaaaaa", "stores/st_makola"])
def test_a_text_without_a_token_stays_as_it_is(text: str) -> None:
    assert redact(text) == text
