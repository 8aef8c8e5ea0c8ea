"""Files as what they say, and what is wrong with them as lines that name file and field."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonschema.exceptions import best_match
from jsonschema.protocols import Validator


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a file."""

    file: str
    field: str
    """Where in it: the object's kind and name if the file holds several, and the path to the field."""
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.field}: {self.message}"


class Unreadable(Exception):
    """A file that is no YAML or JSON, or says a thing twice."""


class _Loader(yaml.SafeLoader):
    """Refuses what YAML takes silently: a key that is there twice, of which the last would count."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def documents(file: Path) -> list[Any]:
    """The documents of a YAML or JSON file; empty ones left out.

    Raises:
        Unreadable: says where and why.
    """
    text = file.read_text("utf-8")
    try:
        if file.suffix == ".json":
            return [json.loads(text)]
        return [each for each in yaml.load_all(text, _Loader) if each is not None]
    except (yaml.YAMLError, json.JSONDecodeError) as why:
        raise Unreadable(" ".join(str(why).split())) from why


def against(validator: Validator, document: Any, optional: bool = False) -> Iterator[tuple[str, str]]:
    """Field and message of everything in a document that its schema does not allow.

    `optional`: nothing is asked for, as in a patch, which says only what is to change.
    """
    for error in validator.iter_errors(document):
        if optional and error.validator == "required":
            continue
        # Of alternatives that all fail, what comes closest to one of them says more than that none fits.
        closest = best_match([error]) or error
        yield dotted(closest.absolute_path), closest.message


def dotted(path: Iterable[Any]) -> str:
    """A path as people write it: spec.containers[0].image."""
    text = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path)
    return text.removeprefix(".") or "the whole"
