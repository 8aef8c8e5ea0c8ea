"""Path templates, by the grammar and the rules in the comments of google/api/http.proto."""

import pytest

from gateway.transcoding.template import PathError, TemplateError, parse_template


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("/v1/shelves", "/v1/shelves", {}),
        ("/v1/shelves", "/v1/shelves/", None),
        ("/v1/shelves", "/v1", None),
        ("/v1/*/books", "/v1/anything/books", {}),
        ("/v1/*/books", "/v1//books", None),
        ("/v1/{shelf}", "/v1/a", {"shelf": "a"}),
        ("/v1/{shelf=*}", "/v1/a/b", None),
        ("/v1/{name=messages/*}", "/v1/messages/123456", {"name": "messages/123456"}),
        ("/v1/{name=messages/*}", "/v1/shelves/123456", None),
        ("/v1/messages/{message_id}/{sub.subfield}", "/v1/messages/1/x", {"message_id": "1", "sub.subfield": "x"}),
        ("/v1/{parent=a/*}/b/{b.name}", "/v1/a/1/b/2", {"parent": "a/1", "b.name": "2"}),
        ("/v1/{path=**}", "/v1/a/b/c", {"path": "a/b/c"}),
        ("/v1/{path=**}", "/v1", {"path": ""}),
        ("/v1/{path=files/**}", "/v1/files", {"path": "files"}),
        ("/v1/{path=**}:read", "/v1/a/b:read", {"path": "a/b"}),
        ("/v1/{name=shelves/*}:lend", "/v1/shelves/a:lend", {"name": "shelves/a"}),
        ("/v1/{name=shelves/*}:lend", "/v1/shelves/a:bend", None),
        ("/v1/{name=shelves/*}:lend", "/v1/shelves/a", None),
        ("/v1/{name=shelves/*}:lend", "/v1/shelves/a%3Alend", None),
        ("/v1/{name=shelves/*}:lend", "/v1/shelves/a:b:lend", {"name": "shelves/a:b"}),
        ("/v1/{name=shelves/*}", "/v1/shelves/a:lend", {"name": "shelves/a:lend"}),
        ("/v1/books:search", "/v1/books:search", {}),
        ("/v1/caf%C3%A9", "/v1/caf%c3%a9", {}),
    ],
)
def test_template_matches_by_the_grammar(template: str, path: str, expected: dict[str, str] | None) -> None:
    assert parse_template(template).match(path) == expected


@pytest.mark.parametrize(
    ("template", "path", "value"),
    [
        ("/v1/{x}", "/v1/a%2Fb", "a/b"),
        ("/v1/{x=*}", "/v1/a%20b%3F", "a b?"),
        ("/v1/{x}", "/v1/caf%C3%A9", "café"),
        ("/v1/{x}", "/v1/a+b", "a+b"),
        ("/v1/{x=**}", "/v1/a%20b/c", "a b/c"),
        ("/v1/{x=**}", "/v1/a%2Fb/c%2fd", "a%2Fb/c%2fd"),
        ("/v1/{x=s/*}", "/v1/s/a%2Fb%3A", "s/a%2Fb:"),
    ],
)
def test_single_segments_are_decoded_whole_and_several_keep_their_escaped_slashes(
    template: str, path: str, value: str
) -> None:
    assert parse_template(template).match(path) == {"x": value}


@pytest.mark.parametrize("path", ["/v1/%", "/v1/%zz", "/v1/%C3", "/v1/é", "v1/a"])
def test_path_that_cannot_be_decoded_is_refused(path: str) -> None:
    with pytest.raises(PathError):
        parse_template("/v1/{x}").match(path)


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("v1/shelves", "character 1: expected '/'"),
        ("", "character 1: expected '/'"),
        ("/", "character 2: expected a literal segment"),
        ("/v1//a", "character 5: expected a literal segment"),
        ("/v1/{name", "character 10: expected '}'"),
        ("/v1/{}", "expected a field path"),
        ("/v1/{a-b}", "character 6: expected a field path"),
        ("/v1/{a.}", "expected a field path"),
        ("/v1/{a=}", "expected a literal segment"),
        ("/v1/{a={b}}", "character 8: expected a literal segment"),
        ("/v1/{a}/{a}", "'a' is bound twice"),
        ("/v1/**/a", "'**' only as the last segment"),
        ("/v1/a*", "expected the end"),
        ("/v1/a:", "expected a verb"),
        ("/v1/a:b/c", "expected the end"),
        ("/v1/a%2", "two hexadecimal digits"),
    ],
)
def test_bad_template_is_refused_with_its_place(template: str, problem: str) -> None:
    with pytest.raises(TemplateError, match=r"path template") as refused:
        parse_template(template)
    assert problem in str(refused.value)
