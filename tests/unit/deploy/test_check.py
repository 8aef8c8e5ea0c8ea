"""`make check` of what is deployed: a copy that is broken is refused, with the file and the field by name."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.check import compose, kubernetes, observability
from deploy.check.kubernetes import Schemas
from deploy.check.reading import Problem

CONTAINER = "spec.template.spec.containers[0]"
KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [postgres.yaml]\n"


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """What is deployed, to be broken."""
    shutil.copytree(root / "deploy", tmp_path / "deploy")
    return tmp_path / "deploy"


@pytest.fixture(scope="module")
def schemas() -> Schemas:
    return Schemas()


def problems(copy: Path, part: str, schemas: Schemas) -> list[str]:
    """What is wrong with one of the folders."""
    checks: dict[str, Callable[[Path], Iterable[Problem]]] = {
        "kubernetes": lambda folder: kubernetes.check(folder, schemas),
        "compose": lambda folder: compose.check(folder / "compose.yaml"),
        "observability": observability.check,
    }
    return [str(each).removeprefix(f"{copy}/") for each in checks[part](copy / part)]


def broken(copy: Path, file: str, before: str, after: str) -> None:
    text = (copy / file).read_text()
    assert before in text
    (copy / file).write_text(text.replace(before, after, 1))


@pytest.mark.parametrize("part", ["kubernetes", "compose", "observability"])
def test_what_is_deployed_is_valid(copy: Path, schemas: Schemas, part: str) -> None:
    assert problems(copy, part, schemas) == []


@pytest.mark.parametrize(
    ("file", "before", "after", "field", "message"),
    [
        # A field that nobody knows.
        (
            "kubernetes/keys.yaml",
            "maxReplicas: 6",
            "maxReplicas: 6\n  minReplica: 3",
            "HorizontalPodAutoscaler keys: spec",
            "minReplica",
        ),
        (
            "kubernetes/every-process.yaml",
            "readOnlyRootFilesystem",
            "readonlyRootFilesystem",
            f"Deployment every: {CONTAINER}.securityContext",
            "readonlyRootFilesystem",
        ),
        (
            "kubernetes/network-policies.yaml",
            "policyTypes: [Ingress, Egress]",
            "policyType: [Ingress]",
            "NetworkPolicy nobody: spec",
            "policyType",
        ),
        ("compose/compose.yaml", "  read_only: true", "  readonly: true", "services.keys", "readonly"),
        ("observability/alerts.yaml", "for: 2m", "fore: 2m", "groups[0].rules[0]", "fore"),
        ("observability/dashboard.json", '"refresh":', '"refreshes":', "refreshes", "no such field"),
        (
            "observability/dashboard.json",
            '"unit": "short"',
            '"units": "short"',
            "panels[1].fieldConfig.defaults.units",
            "no such field",
        ),
        # A value of another type.
        (
            "kubernetes/gateway.yaml",
            "containerPort: 8080",
            'containerPort: "8080"',
            f"Deployment gateway: {CONTAINER}.ports[0].containerPort",
            "integer",
        ),
        ("kubernetes/migrate.yaml", "backoffLimit: 10", "backoffLimit: ten", "Job migrate: spec.backoffLimit", "ten"),
        (
            "kubernetes/catalog.yaml",
            'value: "0.0.0.0:50052"',
            "value: 50052",
            f"Deployment catalog: {CONTAINER}.env[0].value",
            "50052",
        ),
        ("compose/compose.yaml", "cap_drop: [ALL]", "cap_drop: ALL", "services.keys.cap_drop", "ALL"),
        ("observability/alerts.yaml", "for: 2m", "for: 2 minutes", "groups[0].rules[0].for", "2 minutes"),
        ("observability/alerts.yaml", 'up{job="sedifex"} == 0', 'up{job="sedifex" == 0', "groups[0].rules[0].expr", ""),
        ("observability/dashboard.json", '"title": "Sedifex"', '"title": 7', "title", "string"),
        # What must be there and is not.
        (
            "kubernetes/webhooks.yaml",
            "  selector:\n    matchLabels: {app.kubernetes.io/name: webhooks}\n  template",
            "  template",
            "Deployment webhooks: spec",
            "selector",
        ),
        ("kubernetes/migrate.yaml", "- name: sedifex\n          image", "- image", f"Job migrate: {CONTAINER}", "name"),
        ("kubernetes/namespace.yaml", "kind: Namespace\n", "", "kind", "required"),
        ("kubernetes/namespace.yaml", "  name: sedifex\n", "", "Namespace: metadata.name", "required"),
        (
            "observability/alerts.yaml",
            "- alert: SedifexProcessDown\n        expr",
            "- expr",
            "groups[0].rules[0]",
            "alert",
        ),
        # What there is not, or not any more, and what is no YAML or says a thing twice.
        (
            "kubernetes/keys.yaml",
            "policy/v1",
            "policy/v1beta1",
            "PodDisruptionBudget keys: kind",
            "no PodDisruptionBudget in policy/v1beta1",
        ),
        (
            "kubernetes/keys.yaml",
            "  clusterIP: None",
            "  clusterIP: None\n  clusterIP: 10.0.0.1",
            "the file",
            "'clusterIP' is there twice",
        ),
        ("kubernetes/keys.yaml", "spec:", "spec: [", "the file", "line"),
    ],
)
def test_a_broken_file_is_refused_and_the_field_named(
    copy: Path, schemas: Schemas, file: str, before: str, after: str, field: str, message: str
) -> None:
    broken(copy, file, before, after)
    found = problems(copy, file.partition("/")[0], schemas)
    assert any(each.startswith(f"{file}: {field}: ") and message in each for each in found), found


def test_what_kustomize_composes_is_checked_too(copy: Path, schemas: Schemas) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed; what kustomize composes needs kubectl 1.27 or newer")
    # A patch may take a field away; what it leaves behind must still be a Deployment.
    broken(copy, "kubernetes/every-process.yaml", "spec:", "spec:\n  selector: null")
    found = problems(copy, "kubernetes", schemas)
    assert "kubernetes as kustomize composes it: Deployment keys: spec: 'selector' is a required property" in found


def test_a_file_that_is_named_and_not_there_is_refused(copy: Path, schemas: Schemas) -> None:
    broken(copy, "kubernetes/kustomization.yaml", "- gateway.yaml", "- gatewai.yaml")
    (found,) = problems(copy, "kubernetes", schemas)
    assert found == "kubernetes/kustomization.yaml: resources[7]: there is no gatewai.yaml"


def test_an_operators_objects_are_checked_by_its_own_definitions(copy: Path, tmp_path: Path) -> None:
    spec: dict[str, Any] = {
        "type": "object",
        "required": ["instances"],
        "properties": {"instances": {"type": "integer"}, "anything": {"x-kubernetes-preserve-unknown-fields": True}},
    }
    strings = {name: {"type": "string"} for name in ("apiVersion", "kind")}
    whole = {"type": "object", "properties": strings | {"metadata": {"type": "object"}, "spec": spec}}
    versions = [{"name": "v1", "schema": {"openAPIV3Schema": whole}}]
    definition = {"group": "postgresql.cnpg.io", "names": {"kind": "Cluster"}, "versions": versions}
    (tmp_path / "crds.yaml").write_text(yaml.safe_dump({"kind": "CustomResourceDefinition", "spec": definition}))
    schemas = Schemas([tmp_path / "crds.yaml"])
    assert "Cluster postgres" not in kubernetes.unchecked(copy / "kubernetes", schemas)

    cluster = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "postgres"}}
    cases: list[tuple[dict[str, Any], str | None]] = [
        ({"instances": 3, "anything": {"a": 1}}, None),
        ({"instances": "3"}, "spec.instances: '3' is not of type 'integer'"),
        ({"instances": 3, "instance": 3}, "spec: Additional properties are not allowed ('instance' was unexpected)"),
        ({}, "spec: 'instances' is a required property"),
    ]
    for given, wrong in cases:
        (tmp_path / "kubernetes").mkdir(exist_ok=True)
        file = tmp_path / "kubernetes" / "postgres.yaml"
        file.write_text(json.dumps(cluster | {"spec": given}))
        (tmp_path / "kubernetes" / "kustomization.yaml").write_text(KUSTOMIZATION)
        found = [str(each) for each in kubernetes.check(tmp_path / "kubernetes", schemas)]
        assert found == ([f"{file}: Cluster postgres: {wrong}"] if wrong else [])


def test_the_check_fails_and_says_why(root: Path, copy: Path) -> None:
    broken(copy, "kubernetes/keys.yaml", "maxReplicas: 6", "maxReplicas: six")
    command = [sys.executable, "-m", "deploy.check", str(copy)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert f"{copy}/kubernetes/keys.yaml: HorizontalPodAutoscaler keys: spec.maxReplicas: 'six' is not" in done.stderr
