"""`sedifex status` on a running system, and on one that is not well."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cli import status
from cli.status import Process
from services.common.observed import exposed
from tests.e2e.conftest import Up

NOWHERE = "127.0.0.1:9"


def ask(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs the command."""
    command = [str(Path(sys.executable).with_name("sedifex")), "status", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_system_that_is_well_says_so_and_ends_with_0(up: Up, demo: dict[str, Any]) -> None:
    done = ask("--state", str(up.state))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All is well" in done.stdout
    for process in ("keys", "catalog", "webhooks", "webhooks-worker", "gateway"):
        (line,) = (line for line in done.stdout.splitlines() if line.startswith(f"{process} "))
        assert " ready " in line
    assert "unknown" not in done.stdout


def test_scripts_get_json(up: Up, demo: dict[str, Any]) -> None:
    told = json.loads(ask("--state", str(up.state), "--json").stdout)
    assert told["healthy"] is True
    assert {each["state"] for each in told["processes"]} == {"ready"}
    assert told["figures"]["longest wait for a worker"] < 60


def test_a_process_that_does_not_answer_is_named_and_ends_it_with_1() -> None:
    with exposed("127.0.0.1:0", "keys") as address:
        done = ask("--at", f"keys-1={address}", "--at", f"keys-2={NOWHERE}")
    assert done.returncode == 1
    assert "keys-2 is away" in done.stdout
    assert "keys-1 is" not in done.stdout


def test_a_process_that_lacks_something_says_what() -> None:
    with exposed("127.0.0.1:0", "catalog", checks=lambda: {"database": False, "lease": True}) as address:
        found = status.look({"catalog": address})
    # Beside it stands what the process of the tests measures.
    assert "catalog is not ready: database" in found.troubles


def test_without_a_system_it_says_where_it_looked(tmp_path: Path) -> None:
    done = ask("--state", str(tmp_path))
    assert done.returncode == 2
    assert "--at" in done.stdout


def test_what_is_no_target_is_refused() -> None:
    assert ask("--at", "keys").returncode == 2


@pytest.mark.parametrize(
    ("left", "troubles"),
    [
        (-1.0, ["the certificate of keys has ended"]),
        (13 * 86_400 + 60, ["the certificate of keys ends in 13 d"]),
        (5 * 3_600 + 60, ["the certificate of keys ends in 5 h"]),
        (15 * 86_400, []),
        (float("nan"), []),
    ],
)
def test_a_certificate_that_ends_soon_is_trouble(left: float, troubles: list[str]) -> None:
    figures = {"sedifex_tls_certificate_expires_timestamp_seconds": time.time() + left}
    assert status.judge([Process("keys", NOWHERE, "ready", figures=figures)]).troubles == troubles


@pytest.mark.parametrize(
    ("metric", "value", "trouble"),
    [
        ("sedifex_lease_remaining_seconds", 0.0, "shortest lease on verdicts: 0.0 s"),
        ("sedifex_outbox_oldest_age_seconds", 300.0, "oldest event on its way: 5 min"),
        ("sedifex_queue_lag_seconds", 7200.0, "longest wait for a worker: 2 h"),
        ("sedifex_worker_cut_off", 1.0, "workers cut off: 1"),
        ("sedifex_endpoints_failing", 7.0, None),
        ("sedifex_outbox_oldest_age_seconds", float("nan"), None),
    ],
)
def test_what_needs_a_person_is_trouble_and_what_does_not_is_none(
    metric: str, value: float, trouble: str | None
) -> None:
    processes = [Process("any", NOWHERE, "ready", figures={metric: value})]
    found = status.judge(processes).troubles
    assert found == ([] if trouble is None else [trouble])
