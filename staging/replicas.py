"""The processes of Sedifex in staging: which there are, what each is told, and how they are replaced one by one."""

import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from cli.up.command import PROCESSES
from cli.up.state import Refusal
from rig.process import clean_environment, last_lines
from services.common.settings import PREFIX, Settings
from staging.place import PUBLIC_NAME, REPLICAS

READY_S = 60.0
STOP_S = 30.0
"""What Kubernetes gives a process by default, and compose.yaml ours."""
SETTLE_S = 3.0
"""How long after a process is ready its twin may be stopped: those who call it try again every second at most, and must
have found it by then. On Kubernetes this is minReadySeconds."""
METRICS_PORT = 9464
PORTS = {"keys": 50051, "catalog": 50052, "webhooks": 50053, "gateway": 8080}
VERSION = "SEDIFEX_VERSION"
"""The setting that says which of the releases runs; the installation's, no process reads it."""
SETTINGS_FILE = "settings.env"


@dataclass(frozen=True)
class Replica:
    """One process, at an address of its own."""

    process: str
    """What it is: "keys", "webhooks-worker"."""
    module: str
    kind: type[Settings]
    number: int

    @property
    def name(self) -> str:
        """What it is called: "keys-1". Also its name on the network."""
        return f"{self.process}-{self.number}"

    @property
    def address(self) -> str:
        """Where it is."""
        return REPLICAS[self.process][self.number - 1]


ALL = tuple(Replica(process, module, kind, number) for number in (1, 2) for process, module, kind in PROCESSES)
"""One of each, then their twins: none is stopped soon after its twin has come back."""


class Installation:
    """An installation in a folder: settings, certificates, releases, and the processes that run.

    Nothing of it is kept in memory, so that programs that are started in between can go on with it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tls = folder / "tls"
        self.settings = folder / SETTINGS_FILE

    @classmethod
    def make(cls, folder: Path) -> "Installation":
        """Makes the folders that it needs."""
        folder.chmod(0o755)  # PostgreSQL and nginx have users of their own
        for name in ("logs", "run", "releases", "bin", "backups"):
            (folder / name).mkdir()
        return cls(folder)

    def read_settings(self) -> dict[str, str]:
        """The settings of the installation, by variable."""
        lines = (line for line in self.settings.read_text().splitlines() if line and not line.startswith("#"))
        return {name: "".join(shlex.split(value)) for name, _, value in (line.partition("=") for line in lines)}

    def write_settings(self, values: Mapping[str, str]) -> None:
        """Writes them, for nobody else to read."""
        self.settings.touch(mode=0o600)
        self.settings.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items()))

    def release(self) -> Path:
        """The folder of the release that the settings name.

        Raises:
            Refusal: there is none of this name.
        """
        version = self.read_settings()[VERSION]
        folder = self.folder / "releases" / version
        if not folder.is_dir():
            raise Refusal(f"There is no release {version!r}; {VERSION} in {self.settings} names it.")
        return folder.resolve()

    def environment(self, replica: Replica) -> dict[str, str]:
        """What a process is told: its own settings, and no secret of another."""
        wanted = {PREFIX + name.upper() for name in replica.kind.model_fields}
        common = {
            "SEDIFEX_MODE": "production",
            "SEDIFEX_PUBLIC_URL": f"https://{PUBLIC_NAME}",
            **{f"SEDIFEX_{name.upper()}_ADDRESS": f"dns:///{name}:{PORTS[name]}" for name in REPLICAS if name in PORTS},
            "SEDIFEX_METRICS_LISTEN": f"{replica.address}:{METRICS_PORT}",
            "SEDIFEX_GATEWAY_HOST": replica.address,
            "SEDIFEX_GATEWAY_TRUSTED_PROXIES": "1",
            "SEDIFEX_TLS_CERTIFICATE": str(self.tls / f"{replica.process}.pem"),
            "SEDIFEX_TLS_KEY": str(self.tls / f"{replica.process}.key"),
            "SEDIFEX_TLS_ROOTS": str(self.tls / "ca.pem"),
        }
        if replica.process in PORTS:
            common[f"SEDIFEX_{replica.process.upper()}_LISTEN"] = f"{replica.address}:{PORTS[replica.process]}"
        everything = common | self.read_settings()
        own = {name: value for name, value in everything.items() if name in wanted}
        return own | {"SSL_CERT_FILE": str(self.folder / "partners" / "ca.pem"), "PYTHONUNBUFFERED": "1"}

    def start(self, replica: Replica) -> None:
        """Starts a process; it is not ready yet."""
        release = self.release()
        with self.log(replica).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own programs
                [sys.executable, "-m", replica.module],
                cwd=release,
                env=clean_environment() | code_of(release) | self.environment(replica),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._pid_file(replica).write_text(str(process.pid))

    def stop(self, replica: Replica) -> None:
        """Asks a process to end and waits for it; kills it when its time is over.

        Raises:
            Refusal: it had to be killed.
        """
        process = self.find(replica)
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        while self.find(replica) is not None and time.monotonic() < deadline:
            time.sleep(0.02)  # it is no child of this process, who could wait for it
        if self.find(replica) is not None:
            process.kill()
            raise Refusal(f"{replica.name} did not end within {STOP_S:g} s. Its log:\n{last_lines(self.log(replica))}")

    def until_ready(self, replica: Replica) -> None:
        """Waits until a process says that it can do all of its work.

        Raises:
            Refusal: it has ended, or it took too long.
        """
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and self.find(replica) is not None:
            with suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"http://{replica.address}:{METRICS_PORT}/readyz", timeout=5).close()
                return
            time.sleep(0.05)
        raise Refusal(f"{replica.name} does not get ready. The end of its log:\n{last_lines(self.log(replica))}")

    def roll(self) -> Iterator[Replica]:
        """Replaces every process by one with the settings as they are now, one after the other; gives each when it is
        ready. Processes that do not run are started.

        Raises:
            Refusal: one does not stop or start; those after it run on as they were.
        """
        ready: dict[str, float] = {}
        for replica in ALL:
            time.sleep(max(0.0, ready.get(replica.process, 0) + SETTLE_S - time.monotonic()))
            self.stop(replica)
            self.start(replica)
            self.until_ready(replica)
            ready[replica.process] = time.monotonic()
            yield replica

    def find(self, replica: Replica) -> psutil.Process | None:
        """The process, if it runs."""
        try:
            process = psutil.Process(int(self._pid_file(replica).read_text()))
            return None if process.status() == psutil.STATUS_ZOMBIE else process
        except (OSError, ValueError, psutil.NoSuchProcess):
            return None

    def log(self, replica: Replica) -> Path:
        """What a process says."""
        return self.folder / "logs" / f"{replica.name}.log"

    def _pid_file(self, replica: Replica) -> Path:
        return self.folder / "run" / replica.name


def code_of(release: Path) -> dict[str, str]:
    """The variable by which Python runs the code of a release."""
    return {"PYTHONPATH": f"{release}:{release / 'proto/gen'}"}
