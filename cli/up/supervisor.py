"""Starts the processes of the system, keeps them running, and stops them in an order that loses nothing."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from cli.up.state import Refusal, State
from services.common.settings import PREFIX

STOP_S = 20.0
"""How long a process may take to drain before it is killed: more than the worker's longest exchange."""
PAUSES_S = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
"""How long to wait before starting a process again, by how often it has died lately."""
FORGIVEN_S = 120.0
"""After how long a death no longer counts."""


@dataclass
class Member:
    """One process of the system."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    shows: bool = False
    """Whether what it prints is for the person who ran the command; else it goes to its log only."""
    stops_last: bool = False
    """Whether the others may still need it while they stop."""
    process: subprocess.Popen[bytes] | None = None
    deaths: list[float] = field(default_factory=list)
    restart_at: float | None = None


class Supervisor:
    """The processes of one system, in the order in which they were started."""

    def __init__(self, state: State, say: Callable[[str], None]) -> None:
        self._state = state
        self._say = say
        self._members: list[Member] = []

    def start(self, member: Member) -> None:
        """Starts a process. Its standard error goes to logs/<name>.log in the state folder."""
        self._members.append(member)
        self._spawn(member)

    def tend(self) -> None:
        """Starts those again that have died. Call it now and then.

        Raises:
            Refusal: one dies again and again.
        """
        for member in self._members:
            if member.process is None or member.process.poll() is None:
                continue
            now = time.monotonic()
            if member.restart_at is None:
                member.deaths = [*(each for each in member.deaths if now - each < FORGIVEN_S), now]
                if len(member.deaths) > len(PAUSES_S):
                    raise Refusal(f"The {member.name} process keeps dying. Its log: {self.log(member.name)}")
                member.restart_at = now + PAUSES_S[len(member.deaths) - 1]
                status = member.process.returncode
                self._say(f"The {member.name} process has died (status {status}); starting it again.")
            if now >= member.restart_at:
                member.restart_at = None
                self._spawn(member)

    def died(self) -> str | None:
        """The name of a process that has ended, if any has."""
        for member in self._members:
            if member.process is not None and member.process.poll() is not None:
                return member.name
        return None

    def stop(self) -> None:
        """Stops everything, the last started first: what takes work in goes before what does it."""
        last_first = self._members[::-1]
        for member in sorted(last_first, key=lambda each: each.stops_last):
            if member.process is None or member.process.poll() is not None:
                continue
            member.process.terminate()
            try:
                member.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._say(f"The {member.name} process did not stop in {STOP_S:.0f} s; killing it.")
                member.process.kill()
                member.process.wait()
        self._members.clear()
        self._remember()

    def log(self, name: str) -> Path:
        """Where a process's log is."""
        return self._state.folder / "logs" / f"{name}.log"

    def _spawn(self, member: Member) -> None:
        with self.log(member.name).open("ab") as log:
            member.process = subprocess.Popen(  # noqa: S603 - our own programs
                [sys.executable, "-m", *member.arguments],
                env={**_clean_environment(), **member.environment},
                stdin=subprocess.DEVNULL,
                stdout=None if member.shows else log,
                stderr=log,
                # Ctrl-C is for the supervisor alone: it stops the others in order.
                start_new_session=True,
            )
        self._remember()

    def _remember(self) -> None:
        """Notes what runs, for the next run to end if this one is killed."""
        running = {}
        for member in self._members:
            if member.process is not None and member.process.poll() is None:
                with suppress(psutil.Error):
                    running[str(member.process.pid)] = psutil.Process(member.process.pid).create_time()
        self._state.write("processes.json", running)


def _clean_environment() -> dict[str, str]:
    """This process's environment without any setting of ours: each process gets those it is given, no more."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
