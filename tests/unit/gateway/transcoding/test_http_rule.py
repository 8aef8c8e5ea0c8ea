"""The mapping as the comments of google/api/http.proto give it: its examples word for word, then a case for each rule.

Each service of http_rule.proto echoes its request, so what a call is answered is what it became.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.json_format import MessageToDict

from gateway.transcoding import BindingError, Transcoder

from .conftest import Library, load_proto, serving


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> FileDescriptor:
    """The descriptors of http_rule.proto."""
    return load_proto("http_rule.proto", tmp_path_factory.mktemp("descriptors"))[1]


@pytest_asyncio.fixture
async def echo(rules: FileDescriptor) -> AsyncIterator[Library]:
    """A server of all its services."""
    async with serving(list(rules.services_by_name.values())) as library:
        yield library


EXAMPLES: list[Any] = [
    ("NameInPath", "GET", "/v1/messages/123456", None, {"name": "messages/123456"}),
    (
        "RestInQuery",
        "GET",
        "/v1/messages/123456?revision=2&sub.subfield=foo",
        None,
        {"messageId": "123456", "revision": "2", "sub": {"subfield": "foo"}},
    ),
    ("RestInQuery", "GET", "/v1/messages/1?tags=A&tags=B", None, {"messageId": "1", "tags": ["A", "B"]}),
    (
        "FieldInBody",
        "PATCH",
        "/v1/messages/123456",
        {"text": "Hi!"},
        {"messageId": "123456", "message": {"text": "Hi!"}},
    ),
    ("AllInBody", "PATCH", "/v1/messages/123456", {"text": "Hi!"}, {"messageId": "123456", "text": "Hi!"}),
    ("AdditionalBindings", "GET", "/v1/messages/123456", None, {"messageId": "123456"}),
    ("AdditionalBindings", "GET", "/v1/users/me/messages/123456", None, {"userId": "me", "messageId": "123456"}),
    ("NestedFieldInPath", "GET", "/v1/messages/1/foo", None, {"messageId": "1", "sub": {"subfield": "foo"}}),
]

RULES: list[Any] = [
    pytest.param(
        "FieldInBody", "PATCH", "/v1/messages/1?dryRun=true", {"text": "x"},
        {"messageId": "1", "message": {"text": "x"}, "dryRun": True},
        id="rule 1: what neither path nor body has is in the query",
    ),
    pytest.param(
        "AdditionalBindings", "POST", "/v1/messages:get", {"messageId": "1", "sub": {"subfield": "x"}},
        {"messageId": "1", "sub": {"subfield": "x"}}, id="a further binding has a method, verb and body of its own",
    ),
    pytest.param("WholeGrammar", "GET", "/v1/single/a%2Fb%20c", None, {"name": "a/b c"}, id="{var} is decoded whole"),
    pytest.param("WholeGrammar", "GET", "/v1/spelled/a%2fb", None, {"name": "a/b"}, id="{var=*} is the same"),
    pytest.param(
        "WholeGrammar", "GET", "/v1/several/a/x%20y/b/z%2Fz", None, {"name": "a/x y/b/z%2Fz"},
        id="several segments keep %2F",
    ),
    pytest.param("WholeGrammar", "GET", "/v1/rest/a/b/c", None, {"name": "a/b/c"}, id="** takes many"),
    pytest.param("WholeGrammar", "GET", "/v1/rest", None, {}, id="** takes none"),
    pytest.param("WholeGrammar", "POST", "/v1/rest/a/b:archive", {}, {"name": "a/b"}, id="a verb after **"),
    pytest.param("WholeGrammar", "GET", "/v1/unbound/1/x/2/3?name=n", None, {"name": "n"}, id="wildcards bind nothing"),
    pytest.param(
        "WholeGrammar", "GET", "/v1/scalars/-9007199254740993/true/KIND_ONE/_-8", None,
        {"number": "-9007199254740993", "flag": True, "kind": "KIND_ONE", "data": "/+8="},
        id="a path holds every kind of scalar",
    ),
    pytest.param("WholeGrammar", "REPORT", "/v1/custom/n", None, {"name": "n"}, id="custom kind"),
    pytest.param("WholeGrammar", "DELETE", "/v1/any/n", None, {"name": "n"}, id="custom kind *"),
    pytest.param("WholeGrammar", "HEAD", "/v1/any/n", None, None, id="custom kind * under HEAD"),
    pytest.param("WholeGrammar", "PUT", "/v1/messages/1", "Hi!", "Hi!", id="a scalar is the body and the answer"),
    pytest.param("WholeGrammar", "POST", "/v1/texts", ["a", "b"], ["a", "b"], id="an array is the body and the answer"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "method", "url", "body", "answer"), EXAMPLES + RULES)
async def test_a_request_becomes_the_message_that_the_specification_says(
    rules: FileDescriptor, echo: Library, service: str, method: str, url: str, body: Any, answer: Any
) -> None:
    options = {} if body is None else {"json": body}
    got = await call(rules, echo, service, method, url, **options)
    assert got.status_code == 200
    assert (got.json() if got.content else None) == answer
    if isinstance(answer, dict):
        assert MessageToDict(echo.requests[0]) == answer


@pytest.mark.parametrize(
    ("service", "method", "url", "body", "field"),
    [
        pytest.param("RestInQuery", "GET", "/v1/messages/1", {}, "", id="rule 3: no body where none is mapped"),
        pytest.param("AllInBody", "PATCH", "/v1/messages/1?text=x", {}, "text", id="rule 2: no query beside body *"),
        pytest.param("RestInQuery", "GET", "/v1/messages/1?messageId=2", None, "messageId", id="bound by the path"),
        pytest.param(
            "FieldInBody", "PATCH", "/v1/messages/1?message.text=x", {}, "message.text", id="bound by the body"
        ),
        pytest.param("RestInQuery", "GET", "/v1/messages/1?sub=x", None, "sub", id="a message is no parameter"),
        pytest.param("WholeGrammar", "GET", "/v1/scalars/x/true/KIND_ONE/_-8", None, "number", id="no number"),
        pytest.param("WholeGrammar", "GET", "/v1/scalars/1/yes/KIND_ONE/_-8", None, "flag", id="no truth value"),
    ],
)
async def test_what_the_specification_rules_out_is_refused_by_name(
    rules: FileDescriptor, echo: Library, service: str, method: str, url: str, body: Any, field: str
) -> None:
    got = await call(rules, echo, service, method, url, **({} if body is None else {"json": body}))
    assert got.status_code == 400
    violations = [each for detail in got.json()["error"].get("details", []) for each in detail["fieldViolations"]]
    assert [each["field"] for each in violations] == ([field] if field else [])
    assert echo.requests == []


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "/v1/single/a/b", 404),
        ("GET", "/v1/single/", 404),
        ("GET", "/v1/several/a/x/c/z", 404),
        ("GET", "/v1/custom/n", 405),
        ("POST", "/v1/rest/a/b", 405),
    ],
)
async def test_what_no_template_matches_is_not_served(
    rules: FileDescriptor, echo: Library, method: str, url: str, status: int
) -> None:
    assert (await call(rules, echo, "WholeGrammar", method, url)).status_code == status


async def test_a_rule_that_cannot_be_served_is_refused_at_start(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("descriptors")
    for number, (rule, says) in enumerate(
        [
            ('{get: "/v1/{tags}"}', "repeated or a message"),
            ('{get: "/v1/{sub}"}', "repeated or a message"),
            ('{get: "/v1/{none}"}', "is no field"),
            ('{get: "/v1/{name=a/{name=b}}"}', "expected a literal"),
            ('{get: "/v1/**/a"}', "only as the last segment"),
            ('{get: "v1"}', "expected '/'"),
            ('{get: "/v1/a" body: "*"}', "GET has no body"),
            ('{post: "/v1/a" body: "none"}', "is no field"),
            ('{post: "/v1/a" response_body: "none"}', "is no field"),
            ('{body: "*"}', "no pattern"),
            ('{get: "/a" additional_bindings {get: "/b" additional_bindings {get: "/c"}}}', "may not be nested"),
        ]
    ):
        source = f"""syntax = "proto3"; package bad{number}; import "google/api/annotations.proto";
            message M {{ string name = 1; repeated string tags = 2; M sub = 3; }}
            service S {{ rpc Call(M) returns (M) {{ option (google.api.http) = {rule}; }} }}"""
        (folder / f"bad{number}.proto").write_text(source)
        service = load_proto(f"bad{number}.proto", folder, folder)[1].services_by_name["S"]
        async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
            with pytest.raises(BindingError) as refused:
                Transcoder([(service, channel)])
        assert says in str(refused.value), json.dumps(rule)


async def call(
    rules: FileDescriptor, echo: Library, service: str, method: str, url: str, **options: Any
) -> httpx.Response:
    """The answer to a call of one of the services."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{echo.port}") as channel:
        transport = httpx.ASGITransport(Transcoder([(rules.services_by_name[service], channel)]))
        async with httpx.AsyncClient(transport=transport, base_url="http://rest") as client:
            return await client.request(method, url, **options)
