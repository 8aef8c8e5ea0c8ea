"""Path templates as OpenAPI writes paths: with one parameter for each wildcard."""

from collections.abc import Callable, Sequence

from .schemas import Schema
from .template import Template, Variable, Wildcard

ValueSchema = Callable[[str], Schema]
"""A field path → the schema of the field's value."""


def describe_path(template: Template, value_schema: ValueSchema = lambda _: {}) -> tuple[str, list[Schema]]:
    """Return the path as OpenAPI writes it, and its parameters: one for each wildcard of the template.

    `/v1/{name=shelves/*/books/*}:read` becomes `/v1/shelves/{shelf}/books/{book}:read`.
    """
    parameters: list[Schema] = []
    names: list[str] = []
    segments: list[str] = []
    for index, segment in enumerate(template.segments):
        if isinstance(segment, Wildcard):
            name = _free_name(_parameter_name(template, index), names)
            names.append(name)
            segments.append(f"{{{name}}}")
            parameters.append(_parameter(template, index, name, value_schema))
        else:
            segments.append(segment)
    verb = f":{template.verb}" if template.verb else ""
    return f"/{'/'.join(segments)}{verb}", parameters


def _parameter(template: Template, index: int, name: str, value_schema: ValueSchema) -> Schema:
    variable = next((each for each in template.variables if _holds(each, index)), None)
    whole = value_schema(variable.field_path) if variable is not None else {}
    schema: Schema = {"type": "string"}
    if variable is not None and variable.is_single:
        schema |= whole
    elif variable is not None:
        schema |= _part(whole, index - variable.start)
    description = schema.pop("description", "")
    if not description and variable is not None and not variable.is_single:
        description = f"The {name} of the name `{_shape(template, variable)}`."
    parameter: Schema = {"name": name, "in": "path", "required": True}
    return parameter | ({"description": description} if description else {}) | {"schema": schema}


def _part(whole: Schema, at: int) -> Schema:
    """What the schema of a resource name says of one part of it."""
    part: Schema = {}
    pattern = whole.get("pattern", "")
    if pattern.startswith("^") and pattern.endswith("$") and len(pattern[1:-1].split("/")) > at:
        part["pattern"] = f"^{pattern[1:-1].split('/')[at]}$"
    examples = [each.split("/")[at] for each in whole.get("examples", []) if each.count("/") >= at]
    return part | ({"examples": examples} if examples else {})


def _shape(template: Template, variable: Variable) -> str:
    names: list[str] = []
    for index in range(variable.start, variable.stop or len(template.segments)):
        segment = template.segments[index]
        names.append(f"{{{_parameter_name(template, index)}}}" if isinstance(segment, Wildcard) else segment)
    return "/".join(names)


def _parameter_name(template: Template, index: int) -> str:
    variable = next((each for each in template.variables if _holds(each, index)), None)
    before = template.segments[index - 1] if index else None
    if variable is not None and (variable.is_single or not isinstance(before, str)):
        return variable.field_path
    return singular(before) if isinstance(before, str) else f"segment{index + 1}"


def _holds(variable: Variable, index: int) -> bool:
    return variable.start <= index and (variable.stop is None or index < variable.stop)


def _free_name(name: str, taken: Sequence[str]) -> str:
    number = 1
    candidate = name
    while candidate in taken:
        number += 1
        candidate = f"{name}{number}"
    return candidate


def singular(collection: str) -> str:
    """Return the singular of an English collection id: `deliveries` → `delivery`, `shelves` → `shelf`."""
    if collection.endswith("ies"):
        return f"{collection[:-3]}y"
    if collection.endswith("lves"):
        return f"{collection[:-3]}f"
    if collection.endswith(("sses", "xes", "ches", "shes")):
        return collection[:-2]
    return collection[:-1] if collection.endswith("s") and not collection.endswith("ss") else collection
