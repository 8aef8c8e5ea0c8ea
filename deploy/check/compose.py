"""The compose file, by the schema of the compose specification."""

from collections.abc import Iterator
from pathlib import Path

from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema import validators

from deploy.check.reading import Problem, Unreadable, against, documents


def check(file: Path) -> Iterator[Problem]:
    """What is wrong with a compose file."""
    schema = get_builtin_schema("vendor.compose-spec")
    validator = validators.validator_for(schema)(schema)
    try:
        for document in documents(file):
            for field, message in against(validator, document):
                yield Problem(str(file), field, message)
    except Unreadable as why:
        yield Problem(str(file), "the file", str(why))
