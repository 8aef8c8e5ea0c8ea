"""Builds the wheel of the stubs.

    python clients/python/build.py [folder]

The generated code is taken as it is under proto/gen; what it needs is what it was generated with.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "stubs").resolve()
    print(f"The wheel is {build(folder)}")  # noqa: T201


def build(folder: Path) -> Path:
    """Builds the wheel in a folder; answers where it is."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "source")
        shutil.copytree(HERE, source, ignore=shutil.ignore_patterns("build.py", "__pycache__"))
        for package in ("sedifex", "buf"):
            # The comments of the contract are for the gateway alone.
            left_out = shutil.ignore_patterns("__pycache__", "descriptors.binpb")
            shutil.copytree(ROOT / "proto" / "gen" / package, source / package, ignore=left_out)
        (source / "VERSION").write_text(_version())
        (source / "DEPENDENCIES").write_text("\n".join(_dependencies()) + "\n")
        wheel = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-index"]
        wheel += ["--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source)]
        subprocess.run(wheel, check=True)  # noqa: S603 - a command of our own
    return folder / f"sedifex_client-{_version()}-py3-none-any.whl"


def _version() -> str:
    """That of the server: stubs have what it had when they were built."""
    contents = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return str(contents["project"]["version"])


def _dependencies() -> list[str]:
    """What the generated code runs with.

    That is the protobuf that it was made for, newer ones of its major version and all of the next
    (https://protobuf.dev/support/cross-version-runtime-guarantee), and the same grpcio or a newer one.
    """
    protobuf = version("protobuf")
    return [
        f"grpcio>={version('grpcio')}",
        f"protobuf>={protobuf},<{int(protobuf.partition('.')[0]) + 2}",
        f"googleapis-common-protos>={version('googleapis-common-protos')}",
    ]


if __name__ == "__main__":
    main()
