"""Runs a runbook as it stands, and holds what it promises against what happens.

In a runbook, a block of ```sh is pasted into bash, and the block of ```console after it is what one should see: a line
with "…" in it stands for any that fits, a line of "…" alone for any lines, none too. Space around lines does not count.
A step without a ```console block prints nothing. A step fails where, and only where, its runbook shows an "ERROR:".

The shell is given what the section "What you need" names in backticks: variables in capitals, and the programs in its
line "- Programs". Everything else must come out of the runbook.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

UNIX = (
    *("cat", "chmod", "chown", "cp", "date", "grep", "head", "mkdir"),
    *("mv", "rm", "sed", "sleep", "sort", "tail", "touch", "tr"),
)
"""Programs that need not be named."""
SESSION_S = 90.0

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NEEDS = re.compile(r"^## What you need\n(.*?)^## ", re.MULTILINE | re.DOTALL)
_PROGRAMS = re.compile(r"^- Programs[^-]*(?:\n  .*)*", re.MULTILINE)

# Each block runs in the same shell, from a file, so that what it reads from standard input is what somebody types.
_SESSION = """
set -uEo pipefail
trap 'failed=1' ERR
for step in {numbers}; do
    failed=0
    source {folder}/$step.sh > {folder}/$step.out 2>&1
    echo $failed > {folder}/$step.failed
done
"""


class Lie(AssertionError):
    """A runbook says what is not so."""


@dataclass(frozen=True)
class Step:
    """What to paste, and what one should see then."""

    line: int
    commands: str
    expected: str = ""

    @property
    def fails(self) -> bool:
        """Whether it is meant to fail."""
        return "ERROR:" in self.expected


@dataclass(frozen=True)
class Runbook:
    """A runbook, read."""

    name: str
    steps: Sequence[Step]
    variables: frozenset[str]
    programs: frozenset[str]

    @classmethod
    def read(cls, path: Path) -> "Runbook":
        """Reads a file.

        Raises:
            Lie: it says what one should see where nothing was done, or not what one needs.
        """
        text = path.read_text()
        needs = _NEEDS.search(text)
        if needs is None:
            raise Lie(f"{path.name} has no section 'What you need'")
        programs = _PROGRAMS.search(needs[1])
        return cls(
            path.name,
            _steps(path.name, text),
            frozenset(re.findall(r"`([A-Z][A-Z_]+)`", needs[1])),
            frozenset(re.findall(r"`([a-z0-9_]+)`", programs[0] if programs else "")),
        )

    def run(
        self,
        folder: Path,
        values: Mapping[str, str],
        typed: Sequence[str] = (),
        *,
        environment: Mapping[str, str] | None = None,
        seconds: float = SESSION_S,
    ) -> "Run":
        """Runs all of it in one shell, within so many seconds. `values` are for the variables that it needs, `typed`
        the lines typed into it; `environment` has what the machine gives every program, such as whom to trust.

        Raises:
            KeyError: it needs a variable that has no value.
        """
        arguments = folder / "arguments"
        arguments.touch()
        _place_programs(folder / "bin", {*self.programs, *UNIX}, arguments)
        for number, step in enumerate(self.steps):
            (folder / f"{number}.sh").write_text(step.commands)
        session = folder / "session"
        session.write_text(_SESSION.format(numbers=" ".join(map(str, range(len(self.steps)))), folder=folder))
        given = {name: values[name] for name in self.variables}
        with subprocess.Popen(  # noqa: S603 - a runbook of ours
            [_found("bash"), "--noprofile", "--norc", str(session)],
            env={"PATH": str(folder / "bin"), "HOME": str(folder), "LC_ALL": "C.UTF-8", **(environment or {}), **given},
            cwd=folder,
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as shell:
            try:
                shell.communicate("".join(f"{line}\n" for line in typed), seconds)
            except subprocess.TimeoutExpired:
                os.killpg(shell.pid, signal.SIGKILL)  # the step that hangs has no end, which `check` finds
        return Run(self, folder, arguments.read_text())


@dataclass(frozen=True)
class Run:
    """What came of it."""

    runbook: Runbook
    folder: Path
    arguments: str
    """Of all programs that were started: what every user of the machine could see."""

    def check(self) -> None:
        """Holds every step against what the runbook says.

        Raises:
            Lie: one of them is otherwise.
        """
        for number, step in enumerate(self.runbook.steps):
            printed = self.folder / f"{number}.out"
            failed = self.folder / f"{number}.failed"
            text = printed.read_text() if printed.exists() else ""
            if not failed.exists():
                raise self._lie(step, "ended the shell, or was not reached", text)
            if (failed.read_text() == "1\n") != step.fails:
                raise self._lie(step, "succeeds" if step.fails else "fails", text)
            if not fits(text, step.expected):
                raise self._lie(step, "prints something else", text)

    def _lie(self, step: Step, what: str, printed: str) -> Lie:
        where = f"{self.runbook.name}, line {step.line}: this {what}"
        return Lie(f"{where}\n{step.commands}\n--- printed\n{printed}\n--- should be\n{step.expected}")


def fits(printed: str, expected: str) -> bool:
    """Whether what was printed is what one should see."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\n" for line in _lines(expected)
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _lines(printed))) is not None


def _lines(text: str) -> list[str]:
    return [stripped for line in text.splitlines() if (stripped := line.strip())]


def _steps(name: str, text: str) -> list[Step]:
    steps: list[Step] = []
    for fence in _FENCE.finditer(text):
        language, contents = fence.groups()
        line = text.count("\n", 0, fence.start()) + 1
        if language == "sh":
            steps.append(Step(line, contents))
        elif language == "console":
            if not steps or steps[-1].expected:
                raise Lie(f"{name}, line {line}: nothing was done of which one could see this")
            steps[-1] = Step(steps[-1].line, steps[-1].commands, contents)
    return steps


def _place_programs(folder: Path, names: Iterable[str], arguments: Path) -> None:
    """Makes a folder for PATH with these programs only, each noting its arguments before it begins."""
    folder.mkdir()
    for name in names:
        script = folder / name
        note = f"printf '%s\\n' {name} \"$@\" >> {shlex.quote(str(arguments))}"
        script.write_text(f'#!/bin/sh\n{note}\nexec {shlex.quote(_found(name))} "$@"\n')
        script.chmod(0o755)


def _found(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise LookupError(f"{name} is not installed here")
    return os.path.abspath(found)  # noqa: PTH100 - resolving it would lose the environment that a script belongs to
