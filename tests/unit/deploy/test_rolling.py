"""The programs by which settings reach the processes, with a docker and a kubectl that only take notes."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

PROCESSES = ["keys", "catalog", "webhooks", "webhooks-worker", "gateway"]
SERVICE = f"{'n' * 40},{'o' * 40}"
PEPPERS = '[{"version":2,"secret":"bmV3+/=="},{"version":1,"secret":"b2xk+/=="}]'


@pytest.fixture
def run(root: Path, tmp_path: Path) -> "Runner":
    return Runner(root / "deploy", tmp_path)


class Runner:
    """Runs those programs."""

    def __init__(self, deploy: Path, folder: Path) -> None:
        self._deploy = deploy
        self._folder = folder
        self.settings = folder / ".env"
        lines = ["POSTGRES_PASSWORD=hunter2", f"SEDIFEX_SERVICE_SECRET={SERVICE}", f"SEDIFEX_TOKEN_PEPPERS='{PEPPERS}'"]
        self.settings.write_text("\n".join(lines) + "\n")
        for name in ("docker", "kubectl"):
            program = folder / name
            program.write_text(
                f'#!/bin/sh\necho "$@" >> "{folder}/calls"\ncase "$*" in *stdin) cat > "{folder}/patch";; esac\n'
            )
            program.chmod(0o755)

    def __call__(self, program: str, *arguments: str) -> list[str]:
        """What it has called."""
        environment = {"PATH": f"{self._folder}:{os.environ['PATH']}", "SETTINGS": str(self.settings)}
        subprocess.run([str(self._deploy / program), *arguments], env=environment, check=True, timeout=60)
        return (self._folder / "calls").read_text().splitlines()

    def patch(self) -> dict[str, dict[str, str]]:
        """What it has given to kubectl."""
        given: dict[str, dict[str, str]] = yaml.safe_load((self._folder / "patch").read_text())
        return given


def test_compose_brings_up_one_process_after_another_keys_first(run: Runner) -> None:
    assert [each.rpartition(" ")[2] for each in run("compose/roll")] == PROCESSES


def test_kubernetes_is_given_the_secrets_and_no_command_line_is(run: Runner) -> None:
    calls = run("kubernetes/roll")
    assert run.patch() == {"stringData": {"service-secret": SERVICE, "token-peppers": PEPPERS}}
    assert json.loads(run.patch()["stringData"]["token-peppers"])[0]["version"] == 2
    assert "nnnn" not in "".join(calls)
    assert "secret sedifex" in calls[0]
    rolled = [each.rpartition("/")[2] for each in calls[1:]]
    assert rolled == [name for process in PROCESSES for name in (process, process)], "each is ready before the next"


@pytest.mark.parametrize("where", ["compose", "kubernetes"])
def test_a_command_is_run_inside_a_process(run: Runner, where: str) -> None:
    (call,) = run(f"{where}/inside", "keys", "secrets", "status", "--limit", "5")
    assert call.endswith("secrets status --limit 5")
    assert "keys" in call
