"""What keeps other sites out of the admin pages."""

from itertools import pairwise

import pytest
from starlette.requests import Request

from gateway.admin.protection import Policy, Seal, is_from_here, safe_path

SECRET = "a secret for tests of thirty-two characters"


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({"origin": "https://shops.example", "sec-fetch-site": "same-origin"}, True),
        ({"origin": "https://SHOPS.example"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"origin": "https://outside.example", "sec-fetch-site": "same-origin"}, True),
        ({}, False),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, False),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "https://shops.example.evil.example"}, False),
        ({"origin": "https://shops.example", "sec-fetch-site": "same-site"}, False),
        ({"origin": "https://shops.example", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "https://shops.example", "sec-fetch-site": "none"}, False),
        ({"origin": ""}, False),
    ],
)
def test_only_a_page_of_ours_may_send_a_form(headers: dict[str, str], is_ours: bool) -> None:
    raw = [(name.encode(), value.encode()) for name, value in ({"host": "shops.example"} | headers).items()]
    request = Request({"type": "http", "method": "POST", "path": "/admin", "headers": raw})
    assert is_from_here(request, "https://outside.example") is is_ours


@pytest.mark.parametrize("path", ["/admin", "/admin/stores/st_1/keys?page=abc", "/admin/account"])
def test_one_returns_to_a_page_of_ours(path: str) -> None:
    assert safe_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "//evil.example/admin",
        "https://evil.example/admin",
        "/\\evil.example",
        "/admin\\..\\x",
        "/administer",
        "/v1/stores",
        "/admin/../v1/stores",
        "/admin\n/x",
        "javascript:alert(1)",
        "admin",
        "///admin",
    ],
)
def test_one_does_not_return_anywhere_else(path: str) -> None:
    assert safe_path(path) == "/admin"


def test_a_form_token_is_of_one_session_only() -> None:
    seal = Seal(SECRET)
    token = seal.form_token("session-1")
    assert seal.is_form_token("session-1", token)
    assert not seal.is_form_token("session-2", token)
    assert not seal.is_form_token("session-1", "")
    assert not seal.is_form_token("", seal.form_token(""))
    assert not Seal(SECRET + "x").is_form_token("session-1", token)
    assert "session-1" not in token


def test_a_notice_is_shown_to_whom_it_was_made_for_only() -> None:
    seal = Seal(SECRET)
    value = seal.notice("session-1", "success", "Ama’s key is revoked.")
    assert seal.read_notice("session-1", value) == ("success", "Ama’s key is revoked.")
    for subject, wrong in [("session-2", value), ("session-1", value[:-1]), ("session-1", ""), ("session-1", "x.y")]:
        assert seal.read_notice(subject, wrong) is None


def test_what_is_carried_cannot_be_read_and_is_of_one_visitor_only() -> None:
    seal = Seal(SECRET)
    carried = seal.carry("visitor-1", ["ama@shop.example", "three plain words"])
    assert "words" not in carried
    assert seal.carried("visitor-1", carried) == ["ama@shop.example", "three plain words"]
    assert seal.carried("visitor-2", carried) is None
    assert seal.carried("visitor-1", carried[:-4] + "AAAA") is None


def test_a_page_that_is_open_while_the_secret_is_replaced_can_still_be_sent() -> None:
    new = SECRET + " as well"
    phases = [Seal(setting) for setting in (SECRET, f"{SECRET},{new}", f"{new},{SECRET}", new)]
    for maker, taker in [*pairwise(phases), *pairwise(phases[::-1])]:
        assert taker.is_form_token("session-1", maker.form_token("session-1"))
        assert taker.read_notice("session-1", maker.notice("session-1", "success", "Done.")) == ("success", "Done.")
        assert taker.carried("session-1", maker.carry("session-1", ["words"])) == ["words"]
    assert not phases[-1].is_form_token("session-1", phases[0].form_token("session-1")), "what was dropped is refused"
    assert phases[-1].carried("session-1", phases[1].carry("session-1", ["words"])) is None


def test_each_answer_has_a_nonce_of_its_own_and_no_policy_lets_anything_inline_run() -> None:
    first, second = Policy.new(), Policy.new()
    assert first.nonce != second.nonce
    for each in (first.header(), Policy("n", shows_pictures=True).header()):
        assert "unsafe" not in each
        assert each.startswith("default-src 'none'; script-src 'nonce-")
