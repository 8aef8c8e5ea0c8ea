"""What is written down about watching the system holds for the system: metrics, alerts, dashboard, page."""

import json
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import Up

PROCESSES = {"keys", "catalog", "webhooks", "webhooks-worker", "gateway"}
OF_PROMETHEUS = {"up"}
"""Made by Prometheus itself, for each process that it scrapes."""
METRIC = re.compile(r"\b(?:sedifex|process|python|up)\w*")
HISTOGRAM_PARTS = ("_bucket", "_count", "_sum")


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "deploy" / "observability"


@pytest.fixture(scope="module")
def exposed(up: Up, api_once: None) -> dict[str, dict[str, tuple[str, str]]]:
    """By metric as it is asked for, by process: its kind and its description."""
    addresses = json.loads((up.state / "metrics.json").read_text())
    assert addresses.keys() == PROCESSES
    found: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
    for process, address in addresses.items():
        for family in text_string_to_metric_families(httpx.get(f"http://{address}/metrics").text):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            found[name][process] = (family.type, family.documentation)
    return found


@pytest.fixture(scope="module")
def api_once(demo: dict[str, Any]) -> None:
    """A request, so that there is something to have counted."""
    httpx.get(f"{demo['gateway']}/v1/{demo['store']}/products", headers={"X-Api-Key": demo["apiKey"]}, timeout=20)


@pytest.fixture(scope="module")
def rules(folder: Path) -> list[dict[str, Any]]:
    loaded = yaml.safe_load((folder / "alerts.yaml").read_text())
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def expressions(folder: Path, rules: list[dict[str, Any]]) -> Iterator[str]:
    """Every query of the alerts and of the dashboard."""
    yield from (rule["expr"] for rule in rules)
    dashboard = json.loads((folder / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"].replace("$__rate_interval", "5m")


def names_in(expression: str) -> set[str]:
    """The metrics that a query asks for; what stands in quotes is the value of a label."""
    words = METRIC.findall(re.sub(r'"[^"]*"', "", expression))
    return {each for each in words if each != "process"}


def base(name: str, known: dict[str, Any]) -> str:
    """The metric that a series belongs to: a histogram has three kinds of them."""
    stems = (name.removesuffix(part) for part in HISTOGRAM_PARTS if name.endswith(part))
    return next((stem for stem in stems if stem in known), name)


def test_every_query_is_one_and_asks_for_what_some_process_exposes(
    folder: Path, rules: list[dict[str, Any]], exposed: dict[str, Any]
) -> None:
    queries = list(expressions(folder, rules))
    assert len(queries) > 50
    for query in queries:
        promql_parser.parse(query)
        unknown = {each for each in names_in(query) if base(each, exposed) not in exposed} - OF_PROMETHEUS
        assert unknown == set(), query


def test_every_alert_says_what_is_wrong_and_where_it_stands_what_to_do(root: Path, rules: list[dict[str, Any]]) -> None:
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"].keys() == {"severity"}
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"].endswith(".")
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert anchor == rule["alert"].lower()
        assert f"\n### {rule['alert']}\n" in (root / page).read_text()


def test_no_alert_is_explained_that_there_is_not(root: Path, rules: list[dict[str, Any]]) -> None:
    explained = re.findall(r"^### (\w+)$", (root / "docs" / "operating.md").read_text(), re.MULTILINE)
    assert explained == [each["alert"] for each in sorted(rules, key=lambda rule: explained.index(rule["alert"]))]


def test_the_page_names_every_metric_and_who_has_it(root: Path, exposed: dict[str, dict[str, tuple[str, str]]]) -> None:
    wanted = [
        f"| `{name}` | {next(iter(by.values()))[0]} | {next(iter(by.values()))[1]} | {', '.join(sorted(by))} |"
        for name, by in sorted(exposed.items())
        if name.startswith("sedifex_")
    ]
    page = (root / "docs" / "operating.md").read_text()
    table = re.search(r"<!-- metrics -->\n(.*)<!-- /metrics -->", page, re.DOTALL)
    assert table is not None
    rows = [line for line in table[1].splitlines() if line.startswith("| `")]
    assert rows == wanted, "put this there:\n" + "\n".join(wanted)


def test_alerts_fire_when_they_should(folder: Path, root: Path, tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; on Debian it comes with: apt-get install prometheus")
    cases = (root / "tests" / "samples" / "alerts.yaml").read_text()
    (tmp_path / "cases.yaml").write_text(cases.replace("RULES", str(folder / "alerts.yaml")))
    for arguments in (
        ("check", "config", str(folder / "prometheus.yaml")),
        ("test", "rules", str(tmp_path / "cases.yaml")),
    ):
        done = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
