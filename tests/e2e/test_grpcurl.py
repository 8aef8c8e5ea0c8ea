"""What operators do with the real grpcurl."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

GRPCURL = str(Path(sys.executable).with_name("grpcurl"))


@pytest.mark.parametrize("service", ["keys", "catalog", "webhooks"])
def test_services_are_listed_by_reflection(demo: dict[str, Any], service: str) -> None:
    listed = _grpcurl(demo, service, None, "list").split()
    assert f"sedifex.{service}.v1.{service.capitalize()}Service" in listed


@pytest.mark.parametrize("service", ["keys", "catalog", "webhooks"])
def test_health_is_answered_without_a_credential(demo: dict[str, Any], service: str) -> None:
    question = {"service": f"sedifex.{service}.v1.{service.capitalize()}Service"}
    assert json.loads(_grpcurl(demo, service, question, "grpc.health.v1.Health/Check")) == {"status": "SERVING"}


def test_an_operator_creates_and_revokes_a_key(demo: dict[str, Any]) -> None:
    wanted = {"parent": demo["store"], "displayName": "By hand", "scopes": ["catalog.read"]}
    made = json.loads(_grpcurl(demo, "keys", wanted, "sedifex.keys.v1.KeysService/CreateKey", as_operator=True))
    headers = {"X-Api-Key": made["secret"]}
    products = f"{demo['gateway']}/v1/{demo['store']}/products"
    assert httpx.get(products, headers=headers).status_code == 200
    name = {"name": made["key"]["name"]}
    revoked = json.loads(_grpcurl(demo, "keys", name, "sedifex.keys.v1.KeysService/RevokeKey", as_operator=True))
    assert revoked["key"]["state"] == "STATE_REVOKED"
    assert httpx.get(products, headers=headers).status_code == 401


def test_fields_are_named_as_rest_names_them(demo: dict[str, Any]) -> None:
    listed = json.loads(
        _grpcurl(demo, "keys", {"parent": demo["store"]}, "sedifex.keys.v1.KeysService/ListKeys", as_operator=True)
    )
    assert {"displayName", "createTime"} <= set(listed["keys"][0])


def test_without_a_credential_the_refusal_says_what_to_send(demo: dict[str, Any]) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        _grpcurl(demo, "keys", {"parent": demo["store"]}, "sedifex.keys.v1.KeysService/ListKeys")
    assert "Unauthenticated" in refused.value.stderr
    assert "Authorization: Bearer" in refused.value.stderr


def _grpcurl(
    demo: dict[str, Any], service: str, request: dict[str, Any] | None, what: str, *, as_operator: bool = False
) -> str:
    options = ["-plaintext", "-max-time", "10"]
    if as_operator:
        options += ["-H", f"authorization: Bearer {demo['operatorToken']}"]
    if request is not None:
        options += ["-d", json.dumps(request)]
    command = [GRPCURL, *options, demo["grpc"][service], what]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
