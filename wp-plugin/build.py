"""Builds the plugin's zip: the same files make the same bytes, whoever builds it and whenever.

`make plugin`, or `python wp-plugin/build.py [target]`. The screenshots in the zip are made by the browser tests.
"""

import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "sedifex"
TARGET = HERE.parent / "build" / "plugin" / "sedifex.zip"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest moment that a zip can hold."""
MODE = 0o100644 << 16
UNIX = 3
LEFT_OUT = {".DS_Store", "Thumbs.db"}


def build(target: Path = TARGET) -> Path:
    """Writes the zip, whole or not at all; answers where it is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w") as archive:
        for path in sorted(SOURCE.rglob("*"), key=lambda each: each.relative_to(SOURCE).as_posix()):
            if path.is_file() and path.name not in LEFT_OUT:
                # Stored under a fixed time, mode and system, or the file system and the clock would be in the bytes.
                entry = zipfile.ZipInfo(f"sedifex/{path.relative_to(SOURCE).as_posix()}", EPOCH)
                entry.create_system, entry.external_attr = UNIX, MODE
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes(), compresslevel=9)
    unfinished.replace(target)
    return target


if __name__ == "__main__":
    made = build(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
    sys.stdout.write(f"{made} ({made.stat().st_size:,} bytes)\n")
