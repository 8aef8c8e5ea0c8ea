"""The runbook that renews certificates and replaces their issuer, followed to the letter with two processes.

They see new files only when they are restarted, as under compose: so each step depends on the one before.
"""

import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rig.process import Process, last_lines
from rig.runbook import Lie, Run, Runbook
from rig.system import free_address

WAIT_S = 30.0
NAMES = ("gateway", "keys")


@dataclass
class Peers:
    """Two processes that call each other, and the folder that their certificates come from."""

    folder: Path
    processes: dict[str, Process]
    rolls: int = 0

    def roll(self) -> None:
        """Restarts one after the other; after each, both must reach each other.

        Raises:
            AssertionError: they do not.
        """
        for name, process in self.processes.items():
            process.stop()
            self._give_files(name)
            process.log.unlink(missing_ok=True)
            process.start()
            for each in self.processes.values():
                if each.is_alive:
                    self._await_reached(each)
        self.rolls += 1

    def start(self) -> None:
        """Starts both."""
        for name, process in self.processes.items():
            self._give_files(name)
            process.start()
        for process in self.processes.values():
            self._await_reached(process)

    def _give_files(self, name: str) -> None:
        """What a container that is made now is given."""
        mounted = self.folder.parent / name
        mounted.mkdir(exist_ok=True)
        for source, target in ((f"{name}.pem", "tls.crt"), (f"{name}.key", "tls.key"), ("ca.pem", "ca.crt")):
            shutil.copy(self.folder / source, mounted / target)

    def _await_reached(self, process: Process) -> None:
        deadline = time.monotonic() + WAIT_S
        while process.is_alive and time.monotonic() < deadline:
            if process.log.exists() and process.log.read_text().splitlines()[-1:] == ["reached"]:
                return
            time.sleep(0.02)
        raise AssertionError(f"{process.name}: {last_lines(process.log)}")


@pytest.fixture
def peers(root: Path, tmp_path: Path) -> Iterator[Peers]:
    folder = tmp_path / "tls"
    script = root / "deploy" / "certificates.sh"
    environment = {"PATH": os.environ["PATH"], "TLS_FOLDER": str(folder)}
    here = [f"{name},127.0.0.1" for name in NAMES]
    for arguments in (["init"], ["issue", *here, "operator"]):
        subprocess.run([script, *arguments], env=environment, check=True, capture_output=True, timeout=WAIT_S)
    addresses = {name: free_address() for name in NAMES}
    processes = {}
    for name, other in zip(NAMES, reversed(NAMES), strict=True):
        mounted = tmp_path / name
        files = {"CERTIFICATE": "tls.crt", "KEY": "tls.key", "ROOTS": "ca.crt"}
        tls = {f"SEDIFEX_TLS_{what}": str(mounted / path) for what, path in files.items()}
        arguments = ["tests.peer", addresses[name], addresses[other]]
        processes[name] = Process(name, arguments, tls, tmp_path / f"{name}.log")
    made = Peers(folder, processes)
    try:
        made.start()
        yield made
    finally:
        for process in processes.values():
            process.stop()


def _follow(root: Path, peers: Peers, folder: Path, runbook: Path) -> Run:
    """Follows a runbook; the program `roll` asks this process to restart the others."""
    asked, answered, programs = folder / "asked", folder / "answered", folder / "programs"
    for pipe in (asked, answered):
        os.mkfifo(pipe)
    programs.mkdir()
    roll = programs / "roll"
    roll.write_text(
        f"#!/bin/sh\necho roll > {shlex.quote(str(asked))}\nread -r answer < {shlex.quote(str(answered))}\n"
        '[ "$answer" = done ] || { echo "$answer"; exit 1; }\n'
    )
    roll.chmod(0o755)

    def serve() -> None:
        while asked.read_text() == "roll\n":
            try:
                peers.roll()
                answer = "done"
            except AssertionError as failure:
                answer = str(failure).replace("\n", " ")
            answered.write_text(f"{answer}\n")

    server = threading.Thread(target=serve)
    server.start()
    values = {
        "TLS_FOLDER": str(peers.folder),
        "CERTIFICATES": str(root / "deploy" / "certificates.sh"),
        "KEYS_ADDRESS": _listens(peers.processes["keys"]),
    }
    try:
        with pytest.MonkeyPatch.context() as patch:
            for place in (Path(sys.executable).parent, programs):
                patch.setenv("PATH", str(place), prepend=":")
            (folder / "run").mkdir()
            return Runbook.read(runbook).run(folder / "run", values)
    finally:
        asked.write_text("end\n")
        server.join()


def _listens(process: Process) -> str:
    return str(process.arguments[1])


def test_certificates_are_renewed_and_their_issuer_replaced_and_all_reach_each_other_all_the_time(
    root: Path, peers: Peers, tmp_path: Path
) -> None:
    _follow(root, peers, tmp_path, root / "deploy" / "runbooks" / "rotate-certificates.md").check()
    assert peers.rolls == 4
    assert not peers.folder.with_name("tls.before").exists()


def test_an_issuer_that_is_not_accepted_first_keeps_processes_from_each_other(
    root: Path, peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the restart of step 4 that of step 5 fails, so the runbook says no more than is needed."""
    monkeypatch.setattr(sys.modules[__name__], "WAIT_S", 2.0)
    text = (root / "deploy" / "runbooks" / "rotate-certificates.md").read_text()
    before, new_issuer = text.split("## 2.")[0], "## 4." + text.split("## 4.")[1].split("## 6.")[0]
    hasty = tmp_path / "hasty.md"
    hasty.write_text(before + new_issuer.replace("replace-issuer\nroll\n", "replace-issuer\n"))
    with pytest.raises(Lie, match="renew\nroll\n"):
        _follow(root, peers, tmp_path, hasty).check()
    assert peers.rolls == 0
