"""Kubernetes objects, strictly: by the schemas of Kubernetes, and of the operators whose definitions are given.

What kustomize makes of the folder is checked as well where kubectl is there. A field that a schema does not know is an
error: Kubernetes itself drops it and does something else than was meant.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from referencing import Registry, Resource

from deploy.check.reading import Problem, Unreadable, against, documents

VERSION = "1.32"
Object = Mapping[str, Any]


class Schemas:
    """The schemas of kinds, by API version."""

    def __init__(self, definitions: Sequence[Path] = ()) -> None:
        """`definitions`: files with CustomResourceDefinitions.

        Raises:
            Unreadable: one of them.
        """
        self._folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{VERSION}.0-local-strict"
        (shared,) = documents(Path(str(self._folder / "_definitions.json")))
        self._registry: Registry[Any] = Resource.from_contents(shared) @ Registry()
        self._found: dict[tuple[str, str], Validator | None] = {}
        for file in definitions:
            for each in documents(file):
                if each.get("kind") == "CustomResourceDefinition":
                    self._found |= _defined(each)

    def find(self, api_version: str, kind: str) -> Validator | None:
        """What objects of this kind are checked by; None where no schema is known."""
        if (api_version, kind) not in self._found:
            self._found[api_version, kind] = self._built_in(api_version, kind)
        return self._found[api_version, kind]

    def _built_in(self, api_version: str, kind: str) -> Validator | None:
        group, _, version = api_version.rpartition("/")
        name = f"{kind}-{group.partition('.')[0]}-{version}" if group else f"{kind}-{version}"
        file = Path(str(self._folder / f"{name.lower()}.json"))
        if not re.fullmatch(r"[\w.-]+", name) or not file.exists():
            return None
        (schema,) = documents(file)
        if api_version not in schema["properties"]["apiVersion"]["enum"]:  # the same kind in a group named alike
            return None
        return Draft202012Validator(schema, registry=self._registry)


def check(folder: Path, schemas: Schemas) -> Iterator[Problem]:
    """What is wrong with the objects of a folder and with what kustomize makes of them."""
    resources, patches = _named(folder)
    problems = [
        Problem(str(folder / "kustomization.yaml"), field, f"there is no {name}")
        for field, name in (resources | patches).items()
        if not (folder / name).exists()
    ]
    for file in sorted(folder.glob("*.yaml")):
        problems += _check_file(file, schemas, is_patch=file.name in patches.values())
    yield from problems
    kubectl = shutil.which("kubectl")
    # What is wrong in a file would be said again of what is made of it.
    if kubectl and not problems:
        yield from _check_composed(kubectl, folder, schemas)


def unchecked(folder: Path, schemas: Schemas) -> list[str]:
    """What no schema is known of, as "Kind name"."""
    objects = (each for file in sorted(folder.glob("*.yaml")) for each in documents(file))
    return [
        f"{each['kind']} {each['metadata']['name']}"
        for each in objects
        if each["kind"] != "Kustomization" and schemas.find(each["apiVersion"], each["kind"]) is None
    ]


def _named(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Resources and patches that the kustomization names, by the field that does."""
    try:
        (kustomization,) = documents(folder / "kustomization.yaml")
        resources, patches = kustomization.get("resources", ()), kustomization.get("patches", ())
    except (Unreadable, ValueError):
        return {}, {}  # said of the file itself
    return (
        {f"resources[{i}]": each for i, each in enumerate(resources)},
        {f"patches[{i}].path": each["path"] for i, each in enumerate(patches) if "path" in each},
    )


def _check_file(file: Path, schemas: Schemas, is_patch: bool) -> Iterator[Problem]:
    try:
        objects = documents(file)
    except Unreadable as why:
        yield Problem(str(file), "the file", str(why))
        return
    for each in objects:
        for field, message in _check_object(each, schemas, is_patch):
            yield Problem(str(file), field, message)


def _check_object(each: Object, schemas: Schemas, is_patch: bool = False) -> Iterator[tuple[str, str]]:
    missing = [name for name in ("apiVersion", "kind") if not isinstance(each, dict) or name not in each]
    if missing:
        yield from ((name, "this is required") for name in missing)
        return
    kind, api_version = str(each["kind"]), str(each["apiVersion"])
    if kind == "Kustomization":
        return  # kustomize itself checks the rest
    name = each.get("metadata", {}).get("name")
    if not name:
        yield f"{kind}: metadata.name", "this is required"
    validator = schemas.find(api_version, kind)
    if validator is None:
        if "." not in api_version or api_version.partition("/")[0].endswith(".k8s.io"):
            yield f"{kind} {name}: kind", f"Kubernetes {VERSION} has no {kind} in {api_version}"
        return
    for field, message in against(validator, each, optional=is_patch):
        yield f"{kind} {name}: {field}", message


def _check_composed(kubectl: str, folder: Path, schemas: Schemas) -> Iterator[Problem]:
    done = subprocess.run(  # noqa: S603 - a folder of our own
        [kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        yield Problem(str(folder / "kustomization.yaml"), "kustomize", done.stderr.strip())
        return
    with tempfile.TemporaryDirectory() as scratch:
        composed = Path(scratch) / "composed.yaml"
        composed.write_text(done.stdout, "utf-8")
        for problem in _check_file(composed, schemas, is_patch=False):
            yield Problem(f"{folder} as kustomize composes it", problem.field, problem.message)


def _defined(definition: Object) -> dict[tuple[str, str], Validator | None]:
    spec = definition["spec"]
    return {
        (f"{spec['group']}/{version['name']}", spec["names"]["kind"]): Draft202012Validator(
            _strict(version["schema"]["openAPIV3Schema"])
        )
        for version in spec["versions"]
    }


def _strict(schema: Any, is_object: bool = True) -> Any:
    """The schema of a CustomResourceDefinition as JSON Schema that knows no fields but those that it names."""
    if not isinstance(schema, dict):
        return schema
    made = {key: _strict_part(key, value) for key, value in schema.items()}
    if schema.get("nullable") and isinstance(schema.get("type"), str):
        made["type"] = [schema["type"], "null"]
    if schema.get("x-kubernetes-int-or-string"):
        made["type"] = ["integer", "string"]
    is_open = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
    if is_object and "properties" in schema and not is_open:
        made["additionalProperties"] = False
    return made


def _strict_part(key: str, value: Any) -> Any:
    if key == "properties":
        return {name: _strict(each) for name, each in value.items()}
    if key in {"items", "additionalProperties"}:
        return _strict(value)
    if key in {"anyOf", "allOf", "oneOf"}:  # they narrow what the schema around them has named
        return [_strict(each, is_object=False) for each in value]
    return value
