"""Page tokens work with the list that they came from, and with no other."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors import InvalidArgument
from services.common.paging import DEFAULT_SIZE, MAX_SIZE, PageRequest


def _pages(rows: list[int], size: int) -> list[list[int]]:
    """All pages of a list of distinct numbers, as a client asks for them."""
    pages, token = [], ""
    while True:
        request = PageRequest.parse(size, token, "numbers", position=(int,))
        start = [row for row in rows if request.after is None or row > int(request.after[0])]
        page = request.page(start[: request.limit], lambda row: [row])
        pages.append(page.rows)
        token = page.next_page_token
        if not token:
            return pages


@given(st.sets(st.integers(0, 1000)), st.integers(1, 20))
def test_pages_hold_every_row_once_in_order(rows: set[int], size: int) -> None:
    pages = _pages(sorted(rows), size)
    assert [row for page in pages for row in page] == sorted(rows)
    assert all(len(page) == size for page in pages[:-1])


def test_the_size_has_a_default_and_a_bound() -> None:
    assert PageRequest.parse(0, "").size == DEFAULT_SIZE
    assert PageRequest.parse(10_000, "").size == MAX_SIZE


def test_a_token_of_another_list_is_refused() -> None:
    token = PageRequest.parse(1, "", "stores/a").page([1, 2], lambda row: [row]).next_page_token
    with pytest.raises(InvalidArgument):
        PageRequest.parse(1, token, "stores/b", position=(int,))
    assert PageRequest.parse(5, token, "stores/a", position=(int,)).after == [1], "another page size is fine"


@given(st.one_of(st.text(min_size=1), st.binary(min_size=1).map(lambda raw: base64.urlsafe_b64encode(raw).decode())))
def test_no_token_upsets_it(token: str) -> None:
    with pytest.raises(InvalidArgument):
        PageRequest.parse(1, token, "list")


@pytest.mark.parametrize("after", [["x", "y"], [1], [1, "a", "b"], [True, "a"], [1.5, "a"], [1, "\0"], [1, None]])
def test_a_token_with_other_values_than_the_lists_is_refused(after: list[object]) -> None:
    scope = PageRequest.parse(1, "", "list")._scope
    token = base64.urlsafe_b64encode(json.dumps([scope, *after]).encode()).decode()
    with pytest.raises(InvalidArgument):
        PageRequest.parse(1, token, "list", position=(int, str))


@pytest.mark.parametrize("contents", [[], ["x"], {"a": 1}, None, 3, [None, 1]])
def test_a_forged_token_is_refused(contents: object) -> None:
    token = base64.urlsafe_b64encode(json.dumps(contents).encode()).decode()
    with pytest.raises(InvalidArgument):
        PageRequest.parse(1, token, "list")
