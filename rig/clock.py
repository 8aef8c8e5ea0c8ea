"""Processes whose wall clock is not the machine's: libfaketime, which moves it by what a file says, while they run."""

from pathlib import Path

LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")


class Clock:
    """The wall clock of every process that has been started with its `environment`."""

    def __init__(self, file: Path, library: Path) -> None:
        self._file = file
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            # What counts seconds goes on as it is: no kernel lets that one jump.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.move(0)

    def move(self, seconds: int) -> None:
        """Sets it so many seconds ahead of the machine's, or behind."""
        after = self._file.with_suffix(".next")
        after.write_text(f"{seconds:+d}s\n")
        after.replace(self._file)  # never half a file


def find_library() -> Path | None:
    """Where libfaketime is; None: it is not installed."""
    found = [path for pattern in LIBRARIES for path in Path("/").glob(pattern.removeprefix("/"))]
    return found[0] if found else None
