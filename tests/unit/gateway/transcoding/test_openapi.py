"""The OpenAPI document of the bookstore."""

from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FieldDescriptor
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.transcoding import Binding, Transcoder, document
from gateway.transcoding.comments import split_comment
from gateway.transcoding.paths import describe_path, singular
from gateway.transcoding.template import parse_template


@pytest.fixture
def openapi(transcoder: Transcoder, files: descriptor_pb2.FileDescriptorSet) -> dict[str, Any]:
    """The document."""
    return document(transcoder.bindings, title="Bookstore", version="1", files=files)


def test_document_is_valid_openapi(openapi: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(openapi).validate()


def test_every_binding_is_an_operation(openapi: dict[str, Any], transcoder: Transcoder) -> None:
    operations = [operation for path in openapi["paths"].values() for operation in path.values()]
    assert len(operations) == len(transcoder.bindings)


def test_comments_become_summary_and_descriptions(openapi: dict[str, Any]) -> None:
    operation = openapi["paths"]["/v1/shelves/{shelf}"]["get"]
    assert operation["summary"] == "Get a shelf"
    assert operation["description"] == "Answers NOT_FOUND where there is none."
    assert openapi["components"]["schemas"]["Book"]["properties"]["title"]["description"] == "The title on the cover."


def test_response_field_is_the_answer(openapi: dict[str, Any]) -> None:
    answer = openapi["paths"]["/v1/shelves/{shelf}/books"]["post"]["responses"]["200"]
    assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Book"}


def test_body_leaves_out_what_the_path_gives(openapi: dict[str, Any]) -> None:
    operation = openapi["paths"]["/v1/shelves/{shelf}/books/{book}:lend"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {"borrower", "term", "requestId"}
    assert [parameter["name"] for parameter in operation["parameters"]] == [
        "shelf",
        "book",
        "Request-Timeout",
        "Idempotency-Key",
    ]


def test_query_parameters_are_listed_into_nested_messages(openapi: dict[str, Any]) -> None:
    parameters = openapi["paths"]["/v1/books:search"]["get"]["parameters"]
    names = {parameter["name"] for parameter in parameters}
    assert {"filter.titlePrefix", "filter.genres", "pageSize", "signed", "readMask"} <= names
    assert not names & {"prices", "labels", "filter"}


def test_required_and_output_only_fields_are_marked(openapi: dict[str, Any]) -> None:
    book = openapi["components"]["schemas"]["Book"]
    assert book["required"] == ["title"]
    assert book["properties"]["name"]["readOnly"] is True


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/v1/{name=stores/*/products/*}", "/v1/stores/{store}/products/{product}"),
        ("/v1/{parent=stores/*}/keys", "/v1/stores/{store}/keys"),
        ("/v1/{name=stores/*/keys/*}:revoke", "/v1/stores/{store}/keys/{key}:revoke"),
        ("/v1/rooms/{room_number}", "/v1/rooms/{room_number}"),
        ("/v1/files/{path=**}", "/v1/files/{file}"),
        ("/v1/*/*", "/v1/{v1}/{segment3}"),
    ],
)
def test_path_has_one_parameter_for_each_wildcard(template: str, path: str) -> None:
    assert describe_path(parse_template(template))[0] == path


@pytest.mark.parametrize(
    ("collection", "one"),
    [("deliveries", "delivery"), ("auditEntries", "auditEntry"), ("boxes", "box"), ("keys", "key"), ("glass", "glass")],
)
def test_collections_are_named_in_the_singular(collection: str, one: str) -> None:
    assert singular(collection) == one


@pytest.mark.parametrize(
    ("path", "method", "headers", "outcomes", "has_etag"),
    [
        ("/v1/shelves/{shelf}/books", "get", {"If-None-Match"}, {"200", "304"}, True),
        ("/v1/shelves/{shelf}/books/{book}", "get", {"If-None-Match"}, {"200", "304"}, True),
        ("/v1/shelves/{shelf}/books/{book}", "patch", {"If-Match"}, {"200", "412"}, True),
        ("/v1/shelves/{shelf}/books/{book}", "delete", {"If-Match"}, {"200", "412"}, False),
        ("/v1/shelves/{shelf}/books", "post", set(), {"200"}, True),
        ("/v1/shelves/{shelf}", "get", set(), {"200"}, False),
    ],
)
def test_conditions_and_what_comes_of_them_are_shown(
    openapi: dict[str, Any], path: str, method: str, headers: set[str], outcomes: set[str], has_etag: bool
) -> None:
    operation = openapi["paths"][path][method]
    names = {parameter["name"] for parameter in operation["parameters"]}
    assert names & {"If-None-Match", "If-Match", "ifNoneMatch"} == headers
    assert set(operation["responses"]) & {"200", "304", "412"} == outcomes
    assert ("headers" in operation["responses"]["200"]) == has_etag


def test_not_modified_is_no_member_of_an_answer(openapi: dict[str, Any]) -> None:
    assert set(openapi["components"]["schemas"]["ListBooksResponse"]["properties"]) == {"books", "etag"}


@pytest.mark.parametrize(
    ("path", "method", "failures"),
    [
        ("/v1/shelves/{shelf}", "get", {"400", "404", "413", "500", "503", "504"}),
        ("/v1/titles", "get", {"400", "413", "500", "503", "504"}),
        ("/v1/kinds:echo", "post", {"400", "404", "408", "409", "413", "415", "500", "503", "504"}),
        ("/v1/shelves/{shelf}/books/{book}", "delete", {"400", "404", "409", "412", "413", "500", "503", "504"}),
    ],
)
def test_the_failures_that_a_call_can_have_are_listed(
    openapi: dict[str, Any], path: str, method: str, failures: set[str]
) -> None:
    assert set(openapi["paths"][path][method]["responses"]) - {"200", "304"} == failures


def test_a_change_needs_no_field(openapi: dict[str, Any]) -> None:
    change = openapi["paths"]["/v1/shelves/{shelf}/books/{book}"]["patch"]["requestBody"]["content"]
    assert change["application/json"]["schema"] == {"$ref": "#/components/schemas/Book-patch"}
    assert "required" not in openapi["components"]["schemas"]["Book-patch"]


def test_services_and_enums_tell_what_their_comments_say(openapi: dict[str, Any]) -> None:
    assert openapi["tags"] == [{"name": "Library", "description": "Shelves and the books on them."}]
    assert openapi["components"]["schemas"]["Genre"]["description"] == (
        "What a book is about.\n\n- `GENRE_NOVEL`: A long story, usually."
    )


def test_an_applications_own_word_on_fields_and_operations_is_added(transcoder: Transcoder) -> None:
    def of_pattern(field: FieldDescriptor) -> dict[str, Any]:
        name = {"pattern": "^shelves/[a-z]+/books/[0-9]+$", "examples": ["shelves/a/books/1"]}
        return name if field.full_name == "bookstore.v1.LendBookRequest.name" else {}

    def tag(binding: Binding, operation: dict[str, Any]) -> None:
        operation["x-rpc"] = binding.rpc.name

    made = document(transcoder.bindings, title="Bookstore", version="1", constraints=of_pattern, revise=tag)
    operation = made["paths"]["/v1/shelves/{shelf}/books/{book}:lend"]["post"]
    assert operation["x-rpc"] == "LendBook"
    assert operation["parameters"][1] == {
        "name": "book",
        "in": "path",
        "required": True,
        "description": "The book of the name `shelves/{shelf}/books/{book}`.",
        "schema": {"type": "string", "pattern": "^[0-9]+$", "examples": ["1"]},
    }


@pytest.mark.parametrize(
    ("comment", "summary", "rest"),
    [
        ("Gets a store.", "Gets a store", ""),
        (
            "Changes fields of a\nstore. Its kind\nstays.\n\nMore.",
            "Changes fields of a store",
            "Its kind\nstays.\n\nMore.",
        ),
        ("No full stop", "No full stop", ""),
        ("Takes v1.2 of it. Then ends.", "Takes v1.2 of it", "Then ends."),
        ("", "", ""),
    ],
)
def test_the_first_sentence_is_the_summary(comment: str, summary: str, rest: str) -> None:
    assert split_comment(comment) == (summary, rest)
