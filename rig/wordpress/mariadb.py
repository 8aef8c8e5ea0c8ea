"""A MariaDB server for a site, unpacked from Debian's packages like WordPress itself: nothing is installed."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rig.wordpress import packages
from rig.wordpress.site import CACHE, MEMORY

START_S = 30.0
_SERVER = ("mariadb-server-core", "mariadb-common", "liburing2", "libsnappy1v5", "libaio1")


@dataclass(frozen=True)
class Server:
    """A running server with an empty database named "wordpress"; "root" needs no password."""

    socket: Path
    environment: dict[str, str]
    """What PHP needs in its environment to speak to it."""


@contextmanager
def server() -> Iterator[Server]:
    """A server while the context lasts. Its data are in memory where the machine has a file system there.

    Raises:
        packages.UnavailableError: it cannot be had here.
    """
    version = _php("PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION")
    unpacked = packages.of_this_suite("mariadb", (*_SERVER, f"php{version}-mysql"), CACHE)
    program = unpacked / "usr" / "sbin" / "mariadbd"
    folder = Path(tempfile.mkdtemp(prefix="mariadb-", dir=MEMORY if MEMORY.is_dir() else None))
    library = next(program.parents[1].glob("lib/*/liburing.so.2")).parent
    environment = os.environ | {"LD_LIBRARY_PATH": f"{library}:{unpacked / 'lib' / library.name}"}
    messages = unpacked / "usr" / "share" / "mysql"
    command = [str(program), "--no-defaults", f"--datadir={folder}", "--user=root", "--skip-grant-tables"]
    command += [f"--lc-messages-dir={messages}"]
    tables = "".join((messages / f"mysql_system_tables{each}.sql").read_text() for each in ("", "_data"))
    first = f"CREATE DATABASE mysql;\nCREATE DATABASE wordpress CHARACTER SET utf8mb4;\nUSE mysql;\n{tables}"
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            [*command, "--bootstrap"], input=first, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise packages.UnavailableError(f"MariaDB cannot be started here: {done.stderr[-300:]}")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own words
                [*command, "--skip-networking", f"--socket={folder / 'socket'}"],
                env=environment,
                stdout=log,
                stderr=log,
            )
        try:
            _await(folder / "socket", process)
            yield Server(folder / "socket", _extension(unpacked, folder))
        finally:
            process.terminate()
            process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await(socket: Path, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_S
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise packages.UnavailableError("MariaDB does not start here.")
        time.sleep(0.05)


def _extension(unpacked: Path, folder: Path) -> dict[str, str]:
    """PHP's extension for it, in the way that child processes inherit."""
    if _php("extension_loaded('mysqli') ? 'yes' : 'no'") == "yes":
        return {}
    found = {path.name: path for path in unpacked.glob("usr/lib/php/*/*.so")}
    lines = [f"extension={found[name]}\n" for name in ("mysqlnd.so", "mysqli.so")]
    (folder / "ini").mkdir()
    (folder / "ini" / "99-mysqli.ini").write_text("".join(lines))
    return {"PHP_INI_SCAN_DIR": f":{folder / 'ini'}"}


def _php(expression: str) -> str:
    done = subprocess.run(["php", "-r", f"echo {expression};"], capture_output=True, text=True, check=True)  # noqa: S603, S607
    return done.stdout
