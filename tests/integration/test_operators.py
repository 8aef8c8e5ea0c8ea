"""Operators by the command: made, listed and ended, at once and for every service."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from sedifex.catalog.v1 import catalog_pb2
from sedifex.keys.v1 import keys_pb2
from sedifex.webhooks.v1 import webhooks_pb2

from cli import operators
from services.common.access import token as token_format
from tests.system import Client, System

WAIT_S = 30


async def test_a_revoked_operator_is_refused_at_the_next_call_of_every_service(system: System) -> None:
    store = await system.new_store()
    made = operators.create(system.settings.keys, "leaves us")
    leaving = system.as_(made.token)
    assert await _refusals(leaving, store) == []
    done = await _sedifex(system, "operator", "revoke", made.id, "--yes")
    assert done.returncode == 0
    assert await _refusals(leaving, store) == ["UNAUTHENTICATED"] * 3
    assert await _refusals(system.operator, store) == [], "the others go on"


async def test_the_token_alone_is_on_standard_output(system: System) -> None:
    values = system.settings.keys
    peppers, keys = (
        json.dumps([{"version": each.version, "secret": _base64(each.secret)} for each in versioned])
        for versioned in (values.token_peppers, values.member_secret_keys)
    )
    done = await _sedifex(
        system,
        "operator",
        "create",
        "Ama",
        SEDIFEX_SERVICE_SECRET=values.service_secret.get_secret_value(),
        SEDIFEX_TOKEN_PEPPERS=peppers,
        SEDIFEX_MEMBER_SECRET_KEYS=keys,
    )
    token = done.stdout.strip()
    assert token_format.kind_of(token) is token_format.Kind.OPERATOR
    assert "for Ama" in done.stderr
    assert token not in done.stderr
    assert await _refusals(system.as_(token), await system.new_store()) == []


async def test_a_list_for_scripts_tells_of_each_operator_and_of_no_token(system: System) -> None:
    made = operators.create(system.settings.keys, "Kofi [red] \x1b[2J")
    before = await _listed(system, made.id)
    assert before["displayName"] == "Kofi [red] \x1b[2J"
    assert before["hint"] == token_format.hint(made.token)
    assert before["createTime"].endswith("+00:00")
    assert before["revokeTime"] is None
    await _sedifex(system, "operator", "revoke", made.id, "--yes")
    after = await _listed(system, made.id)
    assert after["revokeTime"] >= before["createTime"]
    done = await _sedifex(system, "operator", "list", "--json")
    assert made.token not in done.stdout


async def test_a_list_for_people_shows_whole_ids_and_no_tricks(system: System) -> None:
    made = operators.create(system.settings.keys, "Esi [red] \x1b[2J")
    done = await _sedifex(system, "operator", "list", COLUMNS="100")
    (line,) = [line for line in done.stdout.splitlines() if made.id in line]
    assert token_format.hint(made.token) in line
    assert "Esi [red]" in line
    assert "\x1b" not in done.stdout
    narrow = await _sedifex(system, "operator", "list", COLUMNS="60")
    assert made.id in narrow.stdout


async def test_revoking_asks_first(system: System) -> None:
    made = operators.create(system.settings.keys, "Yaw")
    for answer, revoked in (("n\n", False), ("", False), ("y\n", True)):
        done = await _sedifex(system, "operator", "revoke", made.id, typed=answer)
        assert f"operators/{made.id} (Yaw" in done.stderr
        assert (done.returncode == 0) == revoked
        assert bool((await _listed(system, made.id))["revokeTime"]) == revoked


async def test_revoking_twice_changes_nothing_and_asks_nothing(system: System) -> None:
    made = operators.create(system.settings.keys, "Abena")
    first = await _sedifex(system, "operator", "revoke", f"operators/{made.id}", "--yes")
    moment = (await _listed(system, made.id))["revokeTime"]
    second = await _sedifex(system, "operator", "revoke", made.id)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "nothing has changed" in second.stderr
    assert (await _listed(system, made.id))["revokeTime"] == moment


@pytest.mark.parametrize("wanted", ["op_none", "keys/key_1", "a token"])
async def test_an_unknown_operator_is_told_where_to_look(system: System, wanted: str) -> None:
    token = token_format.mint(token_format.Kind.OPERATOR)
    done = await _sedifex(system, "operator", "revoke", token if wanted == "a token" else wanted, "--yes")
    assert done.returncode == 1
    assert "There is no operator" in done.stderr
    assert "sedifex operator list" in done.stderr
    assert token not in done.stderr
    assert "Traceback" not in done.stderr


async def _sedifex(
    system: System, *arguments: str, typed: str = "", **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Runs the command with the Keys service's database and what else is named, and nothing of this environment's."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SEDIFEX_")}
    url = system.settings.keys.keys_database_url.get_secret_value()
    return await asyncio.to_thread(
        subprocess.run,
        [str(Path(sys.executable).with_name("sedifex")), *arguments],
        env=clean | {"SEDIFEX_KEYS_DATABASE_URL": url} | environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )


async def _listed(system: System, operator_id: str) -> dict[str, Any]:
    done = await _sedifex(system, "operator", "list", "--json")
    (found,) = [each for each in json.loads(done.stdout) if each["name"] == f"operators/{operator_id}"]
    return dict(found)


async def _refusals(client: Client, store: str) -> list[str]:
    """The codes with which the services refuse a call each."""
    refused = []
    for call in (
        client.keys.ListKeys(keys_pb2.ListKeysRequest(parent=store)),
        client.catalog.GetStore(catalog_pb2.GetStoreRequest(name=store)),
        client.webhooks.ListDeliveries(webhooks_pb2.ListDeliveriesRequest(parent=store)),
    ):
        try:
            await call
        except grpc.aio.AioRpcError as failure:
            refused.append(failure.code().name)
    return refused


def _base64(secret: bytes) -> str:
    return base64.b64encode(secret).decode()
