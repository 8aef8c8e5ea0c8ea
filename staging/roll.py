"""`roll` and `halt` of the runbooks, for staging: `python -m staging.roll FOLDER`, `… FOLDER --halt`."""

import sys
from pathlib import Path

from cli.up.state import Refusal
from staging.front import Front
from staging.replicas import ALL, Installation


def main() -> None:
    """Replaces every process, or ends all of them."""
    folder, *options = sys.argv[1:]
    installation = Installation(Path(folder))
    try:
        if options == ["--halt"]:
            for replica in reversed(ALL):
                installation.stop(replica)
        else:
            replaced = len(list(installation.roll()))
            Front(installation.folder / "nginx").reload()  # it shows the services a certificate too
            print(f"Every process was replaced and is ready: {replaced}.")  # noqa: T201 - that is what it is for
    except Refusal as problem:
        raise SystemExit(str(problem)) from None


if __name__ == "__main__":
    main()
