"""A process that can be killed, frozen and started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.common.settings import PREFIX

STOP_S = 5.0


class Process:
    """One of our programs, run by this Python with `-m`. Its output goes to a log file, added to at each start."""

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self.starts = 0
        self.arguments = arguments
        self._environment = environment
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its number; it must have been started."""
        if self._running is None:
            raise LookupError(self.name)
        return self._running.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs, or is frozen."""
        return self._running is not None and self._running.poll() is None

    def start(self) -> None:
        """Starts it, unless it is alive."""
        if self.is_alive:
            return
        self.starts += 1
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(  # noqa: S603 - our own programs
                [sys.executable, "-m", *self.arguments],
                env=clean_environment() | dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the one who started it, who then stops all in order
            )

    def change(self, variables: Mapping[str, str]) -> bool:
        """Gives it other variables beside those that it has, from its next start on; False if it has them so."""
        changed = dict(self._environment) | dict(variables)
        is_other = changed != dict(self._environment)
        self._environment = changed
        return is_other

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that it is started with."""
        return self._environment

    def freeze(self) -> None:
        """Stops it where it stands (SIGSTOP): it holds all it has and does nothing."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on after `freeze`."""
        self._send(signal.SIGCONT)

    def block(self) -> None:
        """Makes one of the rig's own programs stall in the middle of its work (see `rig.asking.until_told`)."""
        self._send(signal.SIGUSR1)

    def kill(self) -> None:
        """Ends it with kill -9, and waits for that; frozen processes die too."""
        self._send(signal.SIGKILL)
        if self._running is not None:
            self._running.wait(STOP_S)

    def ask_to_end(self) -> None:
        """Asks it to end; returns at once."""
        self.thaw()
        self._send(signal.SIGTERM)

    def stop(self) -> None:
        """Asks it to end, and kills it if it does not in time."""
        self.ask_to_end()
        try:
            if self._running is not None:
                self._running.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def _send(self, number: signal.Signals) -> None:
        if self._running is not None and self._running.poll() is None:
            self._running.send_signal(number)


def clean_environment() -> dict[str, str]:
    """The environment without settings of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def last_lines(log: Path, count: int = 5) -> str:
    """The end of a log, to say why something did not start."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return "(there is no log)"
