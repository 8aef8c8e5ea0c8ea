"""Entity tags and the headers that name them, as tables."""

import pytest

from gateway.transcoding import InvalidRequestError
from gateway.transcoding.entity_tags import entity_tag, names, required_etag


@pytest.mark.parametrize(
    ("etag", "tag"),
    [
        ("12", '"12"'),
        ("a-b/c=,", '"a-b/c=,"'),
        ('"12"', '"12"'),
        ('W/"12"', 'W/"12"'),
        ("", ""),
        ('1"2', ""),
        ('"12', ""),
        ("1 2", ""),
        ("1\r\nSet-Cookie: a=b", ""),
        ("é", ""),
    ],
)
def test_an_etag_is_put_in_quotes_unless_it_has_them(etag: str, tag: str) -> None:
    assert entity_tag(etag) == tag


@pytest.mark.parametrize(
    ("header", "tag", "is_named"),
    [
        ('"1"', '"1"', True),
        ('W/"1"', '"1"', True),
        ('"1"', 'W/"1"', True),
        ('"0", W/"1" ,"2"', '"1"', True),
        ('"0","1"', '"1"', True),
        ('"a,b"', '"a,b"', True),
        ("*", '"1"', True),
        (" * ", '"1"', True),
        ('"0", *', '"1"', True),
        ('"0,*,2"', '"1"', False),
        ("a*", '"1"', False),
        ("*", "", False),
        ("", '"1"', False),
        ("", "", False),
        ("1", '"1"', False),
        ('"11"', '"1"', False),
        ('"*"', '"1"', False),
        ('w/"1"', '"1"', True),
        ('"A"', '"a"', False),
    ],
)
def test_if_none_match_names_tags_by_weak_comparison(header: str, tag: str, is_named: bool) -> None:
    assert names(header, tag) is is_named


@pytest.mark.parametrize(("header", "etag"), [('"12"', "12"), (' "12" ', "12"), ("*", None), ('"a,b"', "a,b")])
def test_if_match_asks_for_one_strong_tag(header: str, etag: str | None) -> None:
    assert required_etag(header) == etag


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ('W/"12"', 'such as "12", or *; got a weak one, W/"12"'),
        ('"12", "13"', "got 2 tags"),
        ('"12", *', "got"),
        ("12", 'got "12"'),
        ('""', "got"),
        ("", "got"),
        ('"12', "got"),
        ('"' * 20_000, "got"),
    ],
)
def test_if_match_that_asks_for_anything_else_is_refused(header: str, says: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        required_etag(header)
    assert refused.value.field == "If-Match"
    assert says in refused.value.description
    assert len(refused.value.description) < 250
