"""Where staging is: a network namespace with an address for each process, names for them, and no way out.

Names that several processes share resolve to the addresses of all of them, as those of a headless Kubernetes Service
do, so that clients spread their calls by the same means as there.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from cli.up.state import Refusal

INSIDE = "SEDIFEX_STAGING_INSIDE"
"""Set in the environment of what runs in the namespaces."""

FRONT = "10.77.0.1"
DATABASE = "10.77.0.2"
PARTNER = "45.79.1.2"
"""Looks like an address of the internet: production sends webhooks nowhere else. No packet leaves the namespace."""
REPLICAS = {
    "keys": ("10.77.0.11", "10.77.0.12"),
    "catalog": ("10.77.0.21", "10.77.0.22"),
    "webhooks": ("10.77.0.31", "10.77.0.32"),
    "webhooks-worker": ("10.77.0.41", "10.77.0.42"),
    "gateway": ("10.77.0.51", "10.77.0.52"),
}
CLIENTS = ("10.77.1.1", "10.77.1.2", "10.77.1.3", "10.77.1.4")
"""Whoever asks does so from one of these: limits go by address."""
PUBLIC_NAME = "sedifex.example"
PARTNER_NAME = "shop.partner.example"

_PROGRAMS = {
    "unshare": "util-linux",
    "mount": "mount",
    "ip": "iproute2",
    "setpriv": "util-linux",
    "nginx": "nginx-light",
    "openssl": "openssl",
    "curl": "curl",
}


def enter(arguments: Sequence[str]) -> int:
    """Runs `python -m staging` with these arguments in namespaces of its own; answers its exit status.

    With it ends everything that it has started: the namespace of processes goes.

    Raises:
        Refusal: this is not root, or a program is missing; the message says what to do.
    """
    missing = {package for program, package in _PROGRAMS.items() if shutil.which(program) is None}
    if programs_of_postgres() is None:
        missing.add("postgresql")
    if missing:
        raise Refusal(f"Staging needs more programs. On Debian: apt-get install {' '.join(sorted(missing))}")
    if os.geteuid() != 0:
        raise Refusal("Staging makes a network of its own, which takes root: sudo make staging")
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    inside = os.environ | {INSIDE: "1"}
    return subprocess.call([*command, sys.executable, "-m", "staging", *arguments], env=inside)  # noqa: S603


def is_inside() -> bool:
    """Whether this process is in the namespaces."""
    return os.environ.get(INSIDE) == "1"


def furnish(folder: Path) -> None:
    """Gives the namespace its addresses and names."""
    hosts = folder / "hosts"
    lines = ["127.0.0.1 localhost", f"{FRONT} {PUBLIC_NAME}", f"{DATABASE} postgres", f"{PARTNER} {PARTNER_NAME}"]
    for name, addresses in REPLICAS.items():
        lines += [f"{address} {name}" for address in addresses]
        lines += [f"{address} {name}-{number}" for number, address in enumerate(addresses, 1)]
    hosts.write_text("\n".join(lines) + "\n")
    _run("mount", "--bind", str(hosts), "/etc/hosts")
    _run("ip", "link", "set", "lo", "up")
    for address in (FRONT, DATABASE, PARTNER, *CLIENTS, *(each for pair in REPLICAS.values() for each in pair)):
        _run("ip", "address", "add", f"{address}/32", "dev", "lo")


def programs_of_postgres() -> Path | None:
    """The folder of the newest PostgreSQL server that the system's packages have brought; None: there is none."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if program := shutil.which("initdb"):
        found.append(Path(program).resolve().parent)
    return max(found, key=_version, default=None)


def _version(programs: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in programs.parent.name.split(".") if part.isdigit())


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own commands
