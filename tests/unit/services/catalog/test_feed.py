"""Whether somebody who has asked before hears news: entity tags and cursors."""

import base64
import json

import pytest

from services.catalog.changes import Cursor
from services.catalog.feed import etag_of, matches
from services.catalog.queries import Feed
from services.common.errors import InvalidArgument

TAG = 'W/"7-abc"'


def _written(parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("", False),
        (TAG, True),
        ('"7-abc"', True),  # If-None-Match compares weakly: RFC 9110, 13.1.2
        (f'"1-x", {TAG}', True),
        (f'"1-x" ,{TAG} ', True),
        ('"7-ab"', False),
        ("7-abc", False),
        ("*", True),
    ],
)
def test_a_condition_names_a_tag_or_not(header: str, named: bool) -> None:
    assert matches(header, TAG) is named


def test_a_tag_changes_with_the_feed_and_with_the_request() -> None:
    tags = {etag_of(Feed(version, 0), request) for version in (1, 2) for request in ("a", "b")}
    assert len(tags) == 4


def test_a_cursor_comes_back_as_it_was() -> None:
    cursor = Cursor("st_a", True, 12, 7)
    assert Cursor.parse(str(cursor), "st_a", visible_only=True) == cursor


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "%%%",
        base64.urlsafe_b64encode(b"{}").decode(),
        base64.urlsafe_b64encode(b"[1]").decode(),
        *(
            base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()
            for parts in (
                ["st_b", 1, 1, 1],
                ["st_a", 0, 1, 1],
                ["st_a", 1, -1, 1],
                ["st_a", 1, True, 1],
                ["st_a", 1, 1],
            )
        ),
        "é",
    ],
)
def test_what_is_no_cursor_of_this_feed_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(InvalidArgument, match="leave it out") as refused:
        Cursor.parse(text, "st_a", visible_only=True)
    assert refused.value.reason == "CURSOR_INVALID"
