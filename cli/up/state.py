"""What a system that runs here keeps between runs: secrets, ports and which processes it started.

All of it is in one folder. Files that hold secrets can be read by their owner only.
"""

import base64
import fcntl
import json
import os
import secrets
import socket
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from itertools import starmap
from pathlib import Path
from typing import Any, Self

import psutil

PORTS = {"gateway": 8080, "receiver": 8090, "keys": 50051, "catalog": 50052, "webhooks": 50053}
ANY_PORTS = range(10_000, 32_000)
"""Where any ports are chosen: below those that Linux (from 32,768) and others (from 49,152) lend for a while."""
METRICS = "metrics.json"
"""Which file says where the processes show their metrics."""

LEFTOVER_S = 5.0


class Refusal(Exception):
    """The system cannot start; the message says why and what to do."""


class State:
    """The folder, held by one run at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._freed_by = 0.0
        """Until when a port may still be held by what a run before has left, by time.monotonic."""

    def __enter__(self) -> Self:
        """Takes hold of the folder.

        The hold is a file lock, which ends with its process however that ends, so it is never stale.

        Raises:
            Refusal: another run has it.
        """
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / "lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            owner = self._lock.read().strip() or "unknown"
            self._lock.close()
            raise Refusal(
                f"Sedifex is running here already, as process {owner}. "
                "Use it, stop it with Ctrl-C, or start another with --state and --any-ports."
            ) from None
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._lock.close()

    @property
    def demo(self) -> Path:
        """What scripts need to use the running system."""
        return self.folder / "demo.json"

    def secrets(self) -> dict[str, str]:
        """Settings that are secret, random, as environment variables.

        They are made on the first run; one that there was no need of then is made when there is.
        """
        known = self.read("secrets.json")
        made = {name: known.get(name) or make() for name, make in NEW_SECRETS.items()}
        if made != known:
            self.write("secrets.json", made)
        return made

    def ports(self, *, port_base: int | None, any_ports: bool) -> dict[str, int]:
        """The ports to use: those asked for, else those of the run before, else the usual ones.

        Raises:
            Refusal: one of them is taken; the message says by whom.
        """
        if port_base is not None:
            ports = {name: port_base + offset for offset, name in enumerate(PORTS)}
        else:
            ports = self.read("ports.json") or (_free_ports(PORTS) if any_ports else PORTS)
        try:
            for name, port in ports.items():
                self._check_free(name, port)
        except Refusal:
            if not any_ports:
                raise
            ports = _free_ports(PORTS)
        self.write("ports.json", ports)
        return ports

    def _check_free(self, name: str, port: int) -> None:
        """Tries a port; again for a while if something was just killed: its last thread goes after it is called dead.

        Raises:
            Refusal: somebody has it; the message says who, and what to do.
        """
        while (problem := _try_port(port)) and time.monotonic() < self._freed_by:
            time.sleep(0.02)
        if problem:
            owner = _owner(port)
            taken = f"taken by {owner}" if owner else f"not to be had ({problem})"
            raise Refusal(
                f"Port {port}, for the {name}, is {taken}. Stop that, or choose five other ports in a row: "
                "make up PORTS=9000"
            )

    def metrics_addresses(self, names: Sequence[str]) -> dict[str, str]:
        """Where each process shows its metrics in this run: at free ports, for `sedifex status` to find."""
        addresses = {name: f"127.0.0.1:{port}" for name, port in _free_ports(names).items()}
        self.write(METRICS, addresses)
        return addresses

    def end_leftovers(self) -> int:
        """Ends what a run that was killed has left running, the database aside; says how many processes."""
        left = [each for each in starmap(_process, self.read("processes.json").items()) if each is not None]
        for process in left:
            process.kill()
        deadline = time.monotonic() + LEFTOVER_S
        while any(_is_alive(each) for each in left) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.write("processes.json", {})
        if left:
            self._freed_by = time.monotonic() + LEFTOVER_S
        return len(left)

    def read(self, name: str) -> dict[str, Any]:
        """The contents of a JSON file; empty if it is not there or was not written to its end."""
        try:
            contents = json.loads((self.folder / name).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return contents if isinstance(contents, dict) else {}

    def write(self, name: str, contents: dict[str, Any]) -> None:
        """Writes a JSON file whole or not at all, readable by its owner only."""
        path = self.folder / name
        scratch = path.with_suffix(".new")
        scratch.unlink(missing_ok=True)
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(contents, file, indent=2)
            file.write("\n")
        scratch.replace(path)


def _versioned() -> str:
    return json.dumps([{"version": 1, "secret": base64.b64encode(secrets.token_bytes(32)).decode()}])


NEW_SECRETS = {
    "SEDIFEX_SERVICE_SECRET": lambda: secrets.token_urlsafe(32),
    "SEDIFEX_TOKEN_PEPPERS": _versioned,
    "SEDIFEX_WEBHOOK_SECRET_KEYS": _versioned,
    "SEDIFEX_MEMBER_SECRET_KEYS": _versioned,
}
"""What makes each setting of a new installation that is secret, by its variable."""


def _process(pid: str, created: float) -> psutil.Process | None:
    """The process of this number, unless the number has been given to another one since."""
    try:
        process = psutil.Process(int(pid))
        return process if process.create_time() == created and _is_alive(process) else None
    except psutil.Error:
        return None


def _is_alive(process: psutil.Process) -> bool:
    """Whether it still runs: one that only waits for its parent to ask how it ended holds nothing any more."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _free_ports(names: Collection[str]) -> dict[str, int]:
    """Free ports that are likely to be free at the next start too: none that systems lend to whoever connects."""
    found: dict[int, socket.socket] = {}
    try:
        while len(found) < len(names):
            port = ANY_PORTS[secrets.randbelow(len(ANY_PORTS))]
            with suppress(OSError):
                found[port] = socket.create_server(("127.0.0.1", port))
        return dict(zip(names, found, strict=True))
    finally:
        for each in found.values():
            each.close()


def _try_port(port: int) -> str:
    """Why a port is not to be had; empty: it is."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except (OSError, OverflowError) as problem:
        return str(problem)
    return ""


def _owner(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,) and connection.pid:
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass  # seeing other people's processes takes rights that not everybody has
    return ""
