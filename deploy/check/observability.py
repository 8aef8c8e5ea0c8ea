"""What Prometheus and Grafana read.

Neither publishes a schema of its files that could be installed. Rules have ours, of all that the format knows
(https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules), and promtool checks them and the
configuration as well where it is there. A dashboard is read by Grafana's own models, which leave out what they do not
know: what is not there afterwards is no field of a dashboard.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import promql_parser
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from jsonschema import Draft202012Validator
from pydantic import ConfigDict, TypeAdapter, ValidationError

from deploy.check.reading import Problem, Unreadable, against, documents, dotted

_DURATION = {"type": "string", "pattern": r"^(0|(\d+(ms|[smhdwy]))+)$"}
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_EXPRESSION = {"type": "string", "minLength": 1}
_RECORDED = {
    "record": {"type": "string", "pattern": "^[a-zA-Z_:][a-zA-Z0-9_:]*$"},
    "expr": _EXPRESSION,
    "labels": _TEXTS,
}
_ALERTED = {
    "alert": {"type": "string", "minLength": 1},
    "expr": _EXPRESSION,
    "for": _DURATION,
    "keep_firing_for": _DURATION,
    "labels": _TEXTS,
    "annotations": _TEXTS,
}


def _closed(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


_RULES = _closed(
    {
        "groups": {
            "type": "array",
            "items": _closed(
                {
                    "name": {"type": "string", "minLength": 1},
                    "interval": _DURATION,
                    "query_offset": _DURATION,
                    "limit": {"type": "integer", "minimum": 0},
                    "labels": _TEXTS,
                    "rules": {
                        "type": "array",
                        "items": {
                            "if": {"type": "object", "required": ["record"]},
                            "then": _closed(_RECORDED, "record", "expr"),
                            "else": _closed(_ALERTED, "alert", "expr"),
                        },
                    },
                },
                "name",
                "rules",
            ),
        }
    },
    "groups",
)


def check(folder: Path) -> Iterator[Problem]:
    """What is wrong with the rules, the configuration and the dashboard of a folder."""
    for file, look in (("alerts.yaml", _rules), ("prometheus.yaml", _nothing_more), ("dashboard.json", _dashboard)):
        try:
            for document in documents(folder / file):
                for field, message in look(document):
                    yield Problem(str(folder / file), field, message)
        except Unreadable as why:
            yield Problem(str(folder / file), "the file", str(why))
    promtool = shutil.which("promtool")
    if promtool:
        yield from _by_promtool(promtool, folder)


def _nothing_more(_document: Any) -> Iterator[tuple[str, str]]:
    """The configuration is promtool's; here it has to be YAML."""
    return iter(())


def _rules(document: Any) -> Iterator[tuple[str, str]]:
    problems = list(against(Draft202012Validator(_RULES), document))
    yield from problems
    if problems:
        return
    for i, group in enumerate(document["groups"]):
        for j, rule in enumerate(group["rules"]):
            try:
                promql_parser.parse(rule["expr"])
            except ValueError as why:
                yield f"groups[{i}].rules[{j}].expr", str(why)


def _by_promtool(promtool: str, folder: Path) -> Iterator[Problem]:
    file = str(folder / "prometheus.yaml")  # which names the rules
    done = subprocess.run([promtool, "check", "config", file], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    if done.returncode:
        yield Problem(file, "promtool", " ".join((done.stderr or done.stdout).split()))


def _dashboard(document: Any) -> Iterator[tuple[str, str]]:
    plugins.register_default_plugins()
    try:
        dashboard = Dashboard.from_json(document)
    except (AttributeError, KeyError, TypeError, ValueError) as why:
        yield "the whole", f"this is no dashboard: {why}"
        return
    known = json.loads(JSONEncoder().encode(dashboard))
    yield from ((dotted(path), "a dashboard has no such field") for path in _lost(document, known))
    yield from _wrong_types(dashboard)


def _lost(there: Any, known: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths that are in one and not in the other."""
    if isinstance(there, dict) and isinstance(known, dict):
        for key, value in there.items():
            if key in known:
                yield from _lost(value, known[key], (*path, key))
            else:
                yield *path, key
    elif isinstance(there, list) and isinstance(known, list):
        for i, (one, other) in enumerate(zip(there, known, strict=False)):
            yield from _lost(one, other, (*path, i))


def _wrong_types(model: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[str, str]]:
    """Fields of Grafana's models that do not hold what they are declared to."""
    if isinstance(model, list):
        for i, each in enumerate(model):
            yield from _wrong_types(each, (*path, i))
    if not type(model).__module__.startswith("grafana_foundation_sdk."):
        return
    for name, declared in get_type_hints(type(model)).items():
        value = getattr(model, name, None)
        try:
            TypeAdapter(declared, config=ConfigDict(arbitrary_types_allowed=True)).validate_python(value)
        except ValidationError as why:
            yield dotted((*path, name)), f"{value!r}: {why.errors()[0]['msg']}"
        yield from _wrong_types(value, (*path, name))
