"""Checks the links between our Markdown files, as somebody who reads the repository follows them.

python docs/site/links.py [folder]
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def main() -> None:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2])
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],  # noqa: S607
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [root / name for name in listed.stdout.splitlines()]
    problems = [problem for file in files for problem in broken(file)]
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201
    if problems:
        sys.exit("links: these lead nowhere")
    print(f"links: all lead somewhere, in {len(files)} files")  # noqa: T201


def broken(file: Path) -> Iterator[str]:
    """The links of a file that lead nowhere. What leads to other sites is left alone: a check needs no network."""
    for target in _LINK.findall(_FENCE.sub("", file.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        leads_to = (file.parent / path).resolve() if path else file.resolve()
        if not leads_to.exists():
            yield f"{file}: {target}: there is no such file"
        elif anchor and leads_to.suffix == ".md" and anchor not in _anchors(leads_to):
            yield f"{file}: {target}: there is no such heading"


@cache
def _anchors(file: Path) -> frozenset[str]:
    """The anchors that headings get, as GitHub makes them: small letters, "-" for a space, no punctuation."""
    headings = _HEADING.findall(_FENCE.sub("", file.read_text("utf-8")))
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)|`", r"\1", heading) for heading in headings)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in plain)


if __name__ == "__main__":
    main()
