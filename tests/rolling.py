"""An installation whose secrets stand in a file, and whose processes `roll` starts again with what stands there."""

import asyncio
import json
import shlex
import stat
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic_settings import BaseSettings

from cli.secrets.lists import NAMES
from rig.process import last_lines
from rig.system import System
from services.common.settings import PREFIX, CatalogSettings, GatewaySettings, KeysSettings, WebhooksSettings

READY_S = 60.0
SERVICE, PEPPERS, MEMBERS, WEBHOOKS = (
    "SEDIFEX_SERVICE_SECRET",
    "SEDIFEX_TOKEN_PEPPERS",
    "SEDIFEX_MEMBER_SECRET_KEYS",
    "SEDIFEX_WEBHOOK_SECRET_KEYS",
)
NEEDS: Mapping[str, Sequence[str]] = {
    "keys": (SERVICE, PEPPERS, MEMBERS),
    "catalog": (SERVICE,),
    "webhooks": (SERVICE, WEBHOOKS),
    "worker": (SERVICE, WEBHOOKS),
    "gateway": (SERVICE,),
}
"""Which secrets each kind of process is given."""
LATER = {"keys-2", "catalog-2", "worker"}
"""Which processes are started anew only when others have been: those that read what the others write."""
SETTINGS: Mapping[str, type[BaseSettings]] = {
    "keys": KeysSettings,
    "catalog": CatalogSettings,
    "webhooks": WebhooksSettings,
    "worker": WebhooksSettings,
    "gateway": GatewaySettings,
}

_ROLL = """#!{python}
import socket, sys
with socket.create_connection(("127.0.0.1", {port}), timeout=300) as connection:
    answer = connection.makefile().read()
print(answer, end="")
sys.exit(0 if answer.startswith("Every process") else 1)
"""
_INSIDE = """#!{python}
import json, os, sys
environment = json.load(open({folder!r} + "/" + sys.argv[1] + ".json"))
os.execve({sedifex!r}, ["sedifex", *sys.argv[2:]], environment)
"""


@dataclass
class Installation:
    """A system of several processes, its settings file, and the programs by which an operator acts on it."""

    system: System
    folder: Path
    between: Callable[[], Awaitable[None]]
    """Called in the middle of each roll: some processes have been started with the new settings, some have not."""
    rolls: int = 0

    @property
    def settings(self) -> Path:
        """The file with the secrets."""
        return self.folder / ".env"

    @property
    def programs(self) -> Path:
        """The folder of `roll` and `inside`."""
        return self.folder / "programs"

    def value_of(self, name: str) -> str:
        """What the file has under this name."""
        return self._read()[name]

    async def roll(self) -> None:
        """Starts every process again whose settings have changed, one after another of each kind.

        Raises:
            TimeoutError, AssertionError: one of them does not come up.
        """
        values = self._read()
        changed = []
        for name, process in self.system.processes.items():
            kind = name.partition("-")[0]
            if process.change({each: values[each] for each in NEEDS[kind]}):
                changed.append(name)
        # Of each kind one at a time, as an orchestrator does that rolls several deployments at once.
        await asyncio.gather(*(self._restart(name) for name in changed if name not in LATER))
        await self.between()
        await asyncio.gather(*(self._restart(name) for name in changed if name in LATER))
        self._tell_programs()
        self.rolls += 1

    async def _restart(self, name: str) -> None:
        process = self.system.processes[name]
        await asyncio.to_thread(process.stop)
        process.start()
        await self.until_ready(name)

    async def until_ready(self, name: str) -> None:
        """Waits until a process can do its work."""
        if address := self.system.addresses.get(name):
            await self.system.until_serving(name, address)
            return
        process = self.system.processes[name]
        url = f"http://{process.environment['SEDIFEX_METRICS_LISTEN']}/readyz"
        deadline = time.monotonic() + READY_S
        async with httpx.AsyncClient(timeout=READY_S) as client:
            while True:
                try:
                    if (await client.get(url)).status_code == 200:
                        return
                except httpx.TransportError:
                    pass  # not yet
                assert process.is_alive and time.monotonic() < deadline, f"{name}: {last_lines(process.log)}"  # noqa: PT018
                await asyncio.sleep(0.05)

    def _read(self) -> dict[str, str]:
        lines = (shlex.split(line)[0].partition("=") for line in self.settings.read_text().splitlines())
        return {name: value for name, _, value in lines}

    def _tell_programs(self) -> None:
        """Leaves the variables of each kind of process where `inside` looks for them: those that it knows."""
        for name, process in self.system.processes.items():
            kind = name.partition("-")[0]
            known = {PREFIX + field.upper() for field in SETTINGS[kind].model_fields}
            environment = {each: value for each, value in process.environment.items() if each in known}
            (self.folder / f"{kind}.json").write_text(json.dumps(environment))


@asynccontextmanager
async def installed(
    system: System, folder: Path, between: Callable[[], Awaitable[None]]
) -> AsyncIterator[Installation]:
    """The system with its secrets in a file, while the context lasts, in which `roll` is answered."""
    made = Installation(system, folder, between)
    texts = next(iter(system.processes.values())).environment
    made.settings.touch(0o600)
    made.settings.write_text("".join(f"{name}='{texts[name]}'\n" for name in NAMES))
    made.programs.mkdir()
    made._tell_programs()

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await made.roll()
            writer.write(b"Every process runs with the settings.\n")
        except Exception as problem:
            writer.write(f"ERROR: {problem!r}\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        python, sedifex = sys.executable, str(Path(sys.executable).with_name("sedifex"))
        _place(made.programs / "roll", _ROLL.format(python=python, port=port))
        _place(made.programs / "inside", _INSIDE.format(python=python, folder=str(folder), sedifex=sedifex))
        yield made


def _place(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(stat.S_IRWXU)
