"""Bodies as pages show them: nothing is lost, nothing runs, and there is an end."""

import html
import re

import pytest

from gateway.admin.webhooks import json_view


def _text(shown: json_view.View) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", str(shown.html)))


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("{}", "{}"),
        ("[]", "[]"),
        ("3", "3"),
        ('{"a":1,"b":[true,null]}', '{\n  "a": 1,\n  "b": [\n    true,\n    null\n  ]\n}'),
        ('{"price":45.00,"n":1e400,"big":12345678901234567890}', None),
        ('{"a":1,"a":2}', '{\n  "a": 1,\n  "a": 2\n}'),
        ('{"name":"Ɔdɔ \\"250\\" \\\\ <b>"}', '{\n  "name": "Ɔdɔ \\"250\\" \\\\ <b>"\n}'),
    ],
)
def test_json_is_laid_out_with_every_value_as_it_was_written(body: str, shown: str | None) -> None:
    view = json_view.view(body)
    assert view.is_json
    assert not view.is_cut
    if shown is not None:
        assert _text(view) == shown
    assert re.sub(r"\s", "", _text(view)) == re.sub(r"\s", "", body)


@pytest.mark.parametrize("body", ["<h1>Bad gateway</h1>", '{"a":', "NaN", '{"a":Infinity}', "[" * 9_000, ""])
def test_what_is_no_json_is_shown_as_it_came(body: str) -> None:
    view = json_view.view(body)
    assert not view.is_json
    assert html.unescape(str(view.html)) == body


@pytest.mark.parametrize("body", ["<script>x</script>", '{"<script>":"</code><script>"}', '["&lt;"]'])
def test_no_body_becomes_a_part_of_the_page(body: str) -> None:
    without_ours = re.sub(r'<span class="j-[a-z]+">|</span>', "", str(json_view.view(body).html))
    assert "<" not in without_ours
    assert "&amp;lt;" in without_ours or "lt;" not in body


def test_text_that_would_turn_the_direction_is_made_visible() -> None:
    assert "\u202e" not in str(json_view.view('{"a":"x\u202ey"}').html)
    assert "\\u202e" in str(json_view.view("x\u202ey").html)


@pytest.mark.parametrize("body", ["[" + "1," * 5_000 + "1]", '["' + "x" * 500_000 + '","y"]', "x" * 300_000])
def test_a_page_has_an_end_and_says_so(body: str) -> None:
    view = json_view.view(body)
    assert view.is_cut
    assert len(view.html) < 1_000_000
