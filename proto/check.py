"""Checks the contract: its style, that it breaks no client, and that the generated code is what it generates.

    python proto/check.py [--base REVISION]

What must not break is the contract of the last landed commit: `origin/main`, unless that is this very commit. Where
there is no such thing to compare with, it is the contract as it was before its latest change.
"""

import argparse
import filecmp
import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUF = str(Path(sys.executable).with_name("buf"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", help="a git revision whose contract must not be broken")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        image = _image(ROOT / "proto", scratch / "now.binpb")
        _run("style", BUF, "lint", str(image))
        _run("layout", BUF, "format", "--diff", "--exit-code")
        _check_breaking(image, scratch, options.base)
        _check_fresh(scratch)


def _check_breaking(image: Path, scratch: Path, base: str | None) -> None:
    for revision in [base] if base else _candidates():
        contract = _checkout(revision, scratch / revision.replace("/", "-"))
        if contract is None:
            if base:
                sys.exit(f"contract: {base} holds none")
            continue
        before = _image(contract, scratch / "before.binpb")
        if base or before.read_bytes() != image.read_bytes():
            _run(f"compatible with {revision[:12]}", BUF, "breaking", str(image), "--against", str(before))
            return
    print("contract: there is no earlier one to break")  # noqa: T201


def _check_fresh(scratch: Path) -> None:
    fresh, committed = scratch / "gen", ROOT / "proto" / "gen"
    _generate("--out", str(fresh))
    stale = sorted(_differences(filecmp.dircmp(committed, fresh, ignore=["__pycache__"])))
    if stale:
        sys.exit(f"contract: proto/gen is not what the contract generates; run 'make proto': {', '.join(stale)}")
    print("contract: the generated code is fresh")  # noqa: T201


def _differences(compared: "filecmp.dircmp[str]") -> Iterator[str]:
    # By content: filecmp trusts size and time otherwise.
    _, different, odd = filecmp.cmpfiles(compared.left, compared.right, compared.common_files, shallow=False)
    yield from (*compared.left_only, *compared.right_only, *different, *odd)
    for each in compared.subdirs.values():
        yield from _differences(each)


def _candidates() -> Iterator[str]:
    if _git("rev-parse", "--verify", "--quiet", "origin/main") not in {"", _git("rev-parse", "HEAD")}:
        yield "origin/main"
        return
    yield from _git("log", "--format=%H", "-n", "3", "--", "proto/sedifex").split()


def _checkout(revision: str, folder: Path) -> Path | None:
    """The proto folder as it was; None where there was no contract yet."""
    archive = subprocess.run(  # noqa: S603 - a revision of our own
        ["git", "archive", revision, "proto/sedifex"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if archive.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder / "proto"


def _image(proto: Path, image: Path) -> Path:
    _generate("--proto", str(proto), "--image", str(image))
    return image


def _generate(*arguments: str) -> None:
    subprocess.run([sys.executable, str(ROOT / "proto" / "generate.py"), *arguments], check=True)  # noqa: S603


def _run(what: str, *command: str) -> None:
    if subprocess.run(command, cwd=ROOT, check=False).returncode:  # noqa: S603
        sys.exit(f"contract: not {what}, see above")
    print(f"contract: {what}")  # noqa: T201


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
    return done.stdout.strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    main()
