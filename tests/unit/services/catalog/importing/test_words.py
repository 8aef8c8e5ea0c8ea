"""Words, counts and texts in cells."""

import pytest

from services.catalog.importing import words


@pytest.mark.parametrize(
    ("text", "answer"),
    [("Yes", True), ("1", True), ("published", True), ("TRUE", True), ("no", False), ("Draft", False), ("maybe", None)],
)
def test_yes_and_no(text: str, answer: bool | None) -> None:
    assert words.read_truth(text) is answer


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("12", 12),
        ("1,250", 1250),
        ("1 250", 1250),
        ("32.00", 32),
        ("-3", -3),
        ("3.5", None),
        ("x", None),
        ("9" * 30, None),
    ],
)
def test_counts(text: str, count: int | None) -> None:
    assert words.read_count(text) == count


@pytest.mark.parametrize(
    ("text", "kind"),
    [("Made to order", "made_to_order"), ("made_to_order", "made_to_order"), ("SERVICE", "service"), ("thing", None)],
)
def test_kinds_of_things(text: str, kind: str | None) -> None:
    assert words.read_item_type(text) == kind


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("plain", "plain"),
        ("a &amp; b", "a & b"),
        ("<p>One.</p><p>Two.</p>", "One.\n\nTwo."),
        ("One<br/>Two", "One\nTwo"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<style>p{}</style>x<script>alert(1)</script>", "x"),
        ("3 < 4 and 5 > 4", "3 < 4 and 5 > 4"),
        ("<!-- wp:paragraph --><p>x</p>", "x"),
        ("<p>&nbsp;</p>x", "x"),
        ("<" * 50_000, "<" * 50_000),
    ],
)
def test_what_was_meant_for_a_web_page_becomes_plain_text(markup: str, text: str) -> None:
    assert words.plain_text(markup) == text


def test_a_list_keeps_the_commas_of_its_parts() -> None:
    assert words.split_list(r"Food\, drinks, New ,") == ["Food, drinks", "New"]


@pytest.mark.parametrize(
    ("cell", "text"), [("'0601", "0601"), ("'-1", "-1"), ("'tis", "'tis"), (" x\u200b ", "x"), ("\u00a0x", "x")]
)
def test_the_marks_of_spreadsheets_are_taken_off(cell: str, text: str) -> None:
    assert words.clean(cell) == text


@pytest.mark.parametrize(("text", "shortened"), [("6.034E+12", True), ("6,034e+12", True), ("6034000123459", False)])
def test_a_number_that_a_spreadsheet_has_shortened_is_known(text: str, shortened: bool) -> None:
    assert words.is_shortened(text) is shortened


def test_a_text_is_shortened_where_a_word_ends() -> None:
    assert words.shorten("one two three", 9) == "one two…"
    assert words.shorten("x" * 20, 9) == "x" * 8 + "…"
