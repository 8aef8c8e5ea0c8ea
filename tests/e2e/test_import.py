"""`sedifex import` as a shop owner runs it, against a running system."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.e2e.conftest import START_S, Up

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
LONG_S = 120.0


@pytest.fixture(scope="module")
def shop(demo: dict[str, Any]) -> dict[str, Any]:
    """A shop of its own, with a key: the sample shop is for other tests."""
    operator = {"Authorization": f"Bearer {demo['operatorToken']}"}
    with httpx.Client(base_url=demo["gateway"], headers=operator, timeout=START_S) as api:
        wanted = {"displayName": "Makola Corner", "environment": "ENVIRONMENT_TEST"}
        store = api.post("/v1/stores", json=wanted).raise_for_status().json()["name"]
        key_wanted = {"displayName": "Import", "scopes": ["catalog.write"]}
        key = api.post(f"/v1/{store}/keys", json=key_wanted).raise_for_status().json()["secret"]
    return {"store": store, "apiKey": key, "gateway": demo["gateway"]}


def test_a_shops_own_list_is_imported_and_the_second_time_nothing_changes(shop: dict[str, Any]) -> None:
    content = SAMPLES / "shop.csv"
    dry = _import(shop, content, "--dry-run")
    assert (dry.returncode, "nothing has been changed" in dry.stdout) == (0, True)
    assert "Not used: Cost price." in dry.stdout
    first, second = _import(shop, content), _import(shop, content)
    assert (first.returncode, second.returncode) == (0, 0)
    assert _counts(second.stdout) == {"new": 0, "changed": 0, "already so": 5, "could not be read": 0}


def test_a_shopify_export_is_known_as_one(shop: dict[str, Any]) -> None:
    done = _import(shop, SAMPLES / "shopify.csv")
    assert "The file is a Shopify export." in done.stdout
    counts = _counts(done.stdout)
    assert (sum(counts.values()), counts["could not be read"]) == (5, 0)


def test_rows_that_cannot_be_read_are_told_with_what_to_do(shop: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("Name,Price\nE2E Shea,45\nE2E Milo,abc\n")
    done = _import(shop, tmp_path / "list.csv")
    assert done.returncode == 1
    assert "Row 3, column Price: 'abc' is not an amount. Write it like 45.00." in done.stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "said"),
    [
        (["shop.csv"], {"SEDIFEX_API_KEY": ""}, 78, "Set SEDIFEX_API_KEY"),
        (["shop.csv"], {"SEDIFEX_API_KEY": "sdfx_live_x"}, 2, "not accepted"),
        (["missing.csv"], {}, 2, "cannot be read: No such file"),
        (["shop.csv", "--store", "st_other"], {}, 2, "does not reach"),
        (["shop.csv", "--gateway", "http://127.0.0.1:9"], {}, 2, "cannot be reached"),
        (["shop.csv", "--format", "excel"], {}, 2, "format must be"),
    ],
)
def test_what_keeps_it_from_beginning_is_said_in_a_sentence(
    shop: dict[str, Any], arguments: list[str], environment: dict[str, str], status: int, said: str
) -> None:
    done = _import(shop, SAMPLES / arguments[0], *arguments[1:], **environment)
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_workbook_fails_with_what_to_do(shop: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "list.xlsx").write_bytes(b"PK\x03\x04\x14\x00\x06\x00")
    done = _import(shop, tmp_path / "list.xlsx")
    assert done.returncode == 2
    assert "save it as CSV" in done.stdout


@pytest.mark.timeout(300)
def test_an_import_outlives_the_death_of_the_process_that_works_on_it(
    up: Up, shop: dict[str, Any], tmp_path: Path
) -> None:
    rows = 4_000
    (tmp_path / "many.csv").write_text("Name,Price\n" + "".join(f"E2E {n},{n}.50\n" for n in range(rows)))
    running = subprocess.Popen(
        _command(shop, tmp_path / "many.csv"), env=_environment(shop), stdout=subprocess.PIPE, text=True
    )
    _await_rows(shop)
    catalog = next(each for each in _processes(up) if "services.catalog" in each.cmdline())
    catalog.kill()
    output, _ = running.communicate(timeout=LONG_S)
    assert running.returncode == 0
    assert _counts(output) == {"new": rows, "changed": 0, "already so": 0, "could not be read": 0}


def _import(shop: dict[str, Any], file: Path, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = _command(shop, file, *options)
    return subprocess.run(
        command, env=_environment(shop) | environment, capture_output=True, text=True, timeout=LONG_S, check=False
    )


def _command(shop: dict[str, Any], file: Path, *options: str) -> list[str]:
    program = str(Path(sys.executable).with_name("sedifex"))
    given = ["--store", shop["store"].removeprefix("stores/"), "--gateway", shop["gateway"]]
    return [program, "import", str(file), *given, *options]


def _environment(shop: dict[str, Any]) -> dict[str, str]:
    return os.environ | {"SEDIFEX_API_KEY": shop["apiKey"], "COLUMNS": "200"}


def _counts(output: str) -> dict[str, int]:
    found = re.findall(r"^ +([\d,]+)  (new|changed|already so|could not be read)$", output, re.MULTILINE)
    return {words: int(number.replace(",", "")) for number, words in found}


def _await_rows(shop: dict[str, Any]) -> None:
    """Waits until some rows of the newest import have been taken over."""
    url, headers = f"{shop['gateway']}/v1/{shop['store']}/imports", {"X-Api-Key": shop["apiKey"]}
    deadline = time.monotonic() + START_S
    while True:
        newest: dict[str, Any] = next(iter(httpx.get(url, headers=headers).json().get("imports", [])), {})
        if newest.get("displayName") == "many.csv" and newest.get("rowCount", 0):
            assert "endTime" not in newest, "too fast to be killed: make the file longer"
            return
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _processes(up: Up) -> list[psutil.Process]:
    return [psutil.Process(int(pid)) for pid in json.loads((up.state / "processes.json").read_text())]
