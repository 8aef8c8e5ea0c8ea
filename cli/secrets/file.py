"""Edits the lists of secrets in an env file: lines like NAME='value', as `deploy/compose/secrets.sh` makes them.

Nothing of a secret is ever shown. The file is replaced whole or not at all, readable by its owner only.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from cli.secrets.lists import NAMES, Secrets, parse
from services.common.errors import FailedPrecondition, InvalidArgument, NotFound


def read(path: Path, name: str) -> Secrets:
    """The list of this name in a file.

    Raises:
        InvalidArgument: there is no such setting, or what the file has cannot be read.
        NotFound: the file is not there, or does not have it.
    """
    return parse(name, _line(_lines(path), name, path)[1])


def edit(path: Path, name: str, change: Callable[[Secrets], Secrets]) -> Secrets:
    """Changes the list of this name in a file; answers it as it is then.

    Raises:
        InvalidArgument, NotFound: as `read`, and what `change` raises: then the file is left as it is.
        FailedPrecondition: somebody else edits the file, or it cannot be written.
    """
    path = path.resolve()
    with _scratch(path) as file:
        lines = _lines(path)
        number, text = _line(lines, name, path)
        changed = change(parse(name, text))
        lines[number] = f"{name}={changed.to_text()}\n"
        file.write("".join(lines))
        file.flush()
        _give_to_owner_of(path, file.fileno())
        os.fsync(file.fileno())
    return changed


@contextmanager
def _scratch(path: Path) -> Iterator[TextIO]:
    """A new file, which one process at a time can have, and which takes the place of this one if nothing goes wrong."""
    scratch = path.with_name(path.name + ".new")
    try:
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise FailedPrecondition(
            f"{scratch} is there: somebody edits this file, or was stopped in the middle. If nobody does, remove it."
        ) from None
    except OSError as problem:
        raise FailedPrecondition(f"{scratch} cannot be written: {problem.strerror}.") from None
    try:
        with os.fdopen(descriptor, "w") as file:
            yield file
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines(keepends=True)
    except OSError as problem:
        raise NotFound(f"{path} cannot be read: {problem.strerror}.") from None


def _line(lines: list[str], name: str, path: Path) -> tuple[int, str]:
    """Where the setting stands, and its value."""
    if name not in NAMES:
        raise InvalidArgument(f"{name} is no list of secrets. Those are: {', '.join(NAMES)}.")
    found = [number for number, line in enumerate(lines) if re.match(rf"\s*(export\s+)?{name}\s*=", line)]
    if not found:
        raise NotFound(f"{path} has no line {name}=…")
    if len(found) > 1:
        raise InvalidArgument(f"{path} has {name} {len(found)} times. Leave one line.")
    form = re.fullmatch(rf"{name}=(?:'([^']*)'|\"([^\"\\$]*)\"|([^'\"\s\\$]*))\s*", lines[found[0]])
    if form is None:
        raise InvalidArgument(f"{path}, line {found[0] + 1}: write it as {name}='…', with nothing before or after.")
    return found[0], next(each for each in form.groups() if each is not None)


def _give_to_owner_of(path: Path, descriptor: int) -> None:
    """Leaves the file with its owner, when somebody else may edit it: root."""
    owner = path.stat()
    if (owner.st_uid, owner.st_gid) == (os.geteuid(), os.getegid()):
        return
    try:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    except OSError:
        raise FailedPrecondition(f"{path} belongs to somebody else, who must edit it: its owner, or root.") from None
