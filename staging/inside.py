"""`inside` of the runbooks, for staging: `python -m staging.inside FOLDER PROCESS ARGUMENT…`.

Runs `sedifex` of the release that is installed with what the process is told; "migrate" is told of the databases.
"""

import os
import sys
from pathlib import Path

from cli.up.state import Refusal
from staging.replicas import ALL, Installation, code_of


def main() -> None:
    """Becomes the command."""
    folder, process, *arguments = sys.argv[1:]
    installation = Installation(Path(folder))
    try:
        release = installation.release()
    except Refusal as problem:
        raise SystemExit(str(problem)) from None
    if process == "migrate":
        told = {name: value for name, value in installation.read_settings().items() if name.endswith("_DATABASE_URL")}
    else:
        told = installation.environment(next(each for each in ALL if each.process == process))
    os.chdir(release)
    environment = os.environ | code_of(release) | told
    os.execve(sys.executable, [sys.executable, "-m", "cli.main", *arguments], environment)  # noqa: S606 - our own program


if __name__ == "__main__":
    main()
