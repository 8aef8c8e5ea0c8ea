"""The runbooks for operators, followed to the letter on the running system."""

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import WAIT_S
from tests.runbook import Lie, Run, Runbook, fits

RUNBOOKS = Path(__file__).resolve().parents[2] / "deploy" / "runbooks"
ALL = sorted(path.name for path in RUNBOOKS.glob("*.md"))
NAMES = [name for name in ALL if "roll" not in Runbook.read(RUNBOOKS / name).programs]
"""Those that restart no process: the others are followed by tests of their own."""
SECRET = re.compile(r"sdfx_[a-z]+_[0-9A-Za-z]{38}")


@pytest.fixture(scope="module")
def run(demo: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """Follows a runbook, once, on a shop of its own."""
    runs: dict[str, Run] = {}

    def follow(name: str) -> Run:
        if name not in runs:
            shop = Shop(demo)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
                folder = tmp_path_factory.mktemp("runbook")
                runs[name] = Runbook.read(RUNBOOKS / name).run(folder, shop.values, shop.typed.get(name, ()))
        return runs[name]

    return follow


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_does_what_it_says(run: Callable[[str], Run], name: str) -> None:
    run(name).check()


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_puts_no_secret_on_a_command_line(run: Callable[[str], Run], name: str) -> None:
    arguments = run(name).arguments
    assert "grpcurl\n" in arguments, "there is something to look through"
    assert SECRET.findall(arguments) == []


def test_every_runbook_is_in_the_index() -> None:
    index = (RUNBOOKS / "README.md").read_text()
    assert [name for name in ALL if name != "README.md" and f"]({name})" not in index] == []


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        pytest.param("```sh\necho one\n```\n```console\ntwo\n```\n", "prints something else", id="other output"),
        pytest.param("```sh\necho one\n```\n", "prints something else", id="untold output"),
        pytest.param("```sh\necho one\nfalse\n```\n```console\none\n```\n", "fails", id="failure"),
        pytest.param("```sh\nfalse | true\ntrue\n```\n", "fails", id="failure in the middle"),
        pytest.param("```sh\necho ERROR: no\n```\n```console\nERROR: no\n```\n", "succeeds", id="no failure"),
        pytest.param('```sh\necho "$STORE"\n```\n```console\n…\n```\n', "ended the shell", id="unnamed variable"),
        pytest.param("```sh\ncurl --version\n```\n```console\n…\n```\n", "fails", id="unnamed program"),
        pytest.param("```sh\nread -r WORD\n```\n", "fails", id="waits for what nobody types"),
    ],
)
def test_a_runbook_that_lies_is_found_out(tmp_path: Path, steps: str, says: str) -> None:
    path = tmp_path / "lie.md"
    path.write_text(f"# Lie\n\n## What you need\n\nNothing.\n\n## Steps\n\n{steps}")
    with pytest.raises(Lie, match=says):
        Runbook.read(path).run(tmp_path, {}).check()


@pytest.mark.parametrize(
    ("printed", "expected", "is_so"),
    [
        ("a\nb\n", "a\nb", True),
        ("  a\n\n b", "a\nb", True),
        ("a\nb\nc", "a\n…\nc", True),
        ("a\nc", "a\n…\nc", True),
        ("a\nb", "a\n…\nc", False),
        ('"x": "123",', '"x": "…",', True),
        ('"x": "123"', '"x": "…",', False),
        ("a.b", "a.b", True),
        ("aXb", "a.b", False),
        ("a\nb", "a", False),
        ("", "", True),
    ],
)
def test_what_is_printed_fits_what_is_told(printed: str, expected: str, *, is_so: bool) -> None:
    assert fits(printed, expected) == is_so


class Shop:
    """A shop for a runbook to act on: its values for the shell, and what an operator would type."""

    def __init__(self, demo: dict[str, Any]) -> None:
        self._api = f"{demo['gateway']}/v1"
        self._operator = {"Authorization": f"Bearer {demo['operatorToken']}"}
        store = {"displayName": "Runbook Corner", "environment": "ENVIRONMENT_TEST"}
        self._store = self._post("stores", store, self._operator)["name"]
        lost = self._key(["catalog.read", "catalog.write"])["secret"]
        made = self._key(["catalog.read", "keys.read", "keys.write"])
        leaked = made["secret"]
        # Whoever found it has made a key with it.
        self._key(["catalog.read"], {"X-Api-Key": leaked})
        self._await_use(made["key"]["name"])
        self.values = {
            "GATEWAY": demo["gateway"],
            "KEYS_ADDRESS": demo["grpc"]["keys"],
            "CATALOG_ADDRESS": demo["grpc"]["catalog"],
            "WEBHOOKS_ADDRESS": demo["grpc"]["webhooks"],
            "OPERATOR_TOKEN": demo["operatorToken"],
            "STORE": self._store,
            "HINT": lost[-4:],
            "FOUND_AT": "https://paste.example/1",
        }
        self.typed = {"README.md": [demo["operatorToken"]], "leaked-key.md": [leaked]}

    def _key(self, scopes: list[str], headers: dict[str, str] | None = None) -> Any:
        wanted = {"displayName": "Website", "scopes": scopes}
        return self._post(f"{self._store}/keys", wanted, headers or self._operator)

    def _await_use(self, name: str) -> None:
        """Waits until the use of a key has been written down."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            key = httpx.get(f"{self._api}/{name}", headers=self._operator, timeout=WAIT_S).json()
            if "lastUseTime" in key["secrets"][0]:
                return
        raise AssertionError(f"no use of {name} was written down")

    def _post(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
        answer = httpx.post(f"{self._api}/{path}", json=body, headers=headers, timeout=WAIT_S)
        assert answer.status_code == 200, answer.text
        return answer.json()
