"""A disk of its own that can be filled: a file system in memory, which only root may mount."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHUNK = 1 << 20


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[None]:
    """A disk of this size at `folder`, gone afterwards with all that is on it.

    Raises:
        subprocess.CalledProcessError: it may not be mounted here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=755", "tmpfs", str(folder)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own command
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)  # noqa: S603, S607


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """With not a byte left on the disk of `folder`."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            size = CHUNK
            while size:
                try:
                    file.write(bytes(size))
                except OSError:
                    size //= 16  # the last of it in smaller pieces
        yield
    finally:
        filler.unlink(missing_ok=True)


def can_mount() -> bool:
    """Whether this user may mount."""
    return os.geteuid() == 0
