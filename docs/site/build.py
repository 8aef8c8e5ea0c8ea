"""Builds the documentation's site out of docs/, the changelog, the runbooks and the contract.

    python -m docs.site.build [folder]

A link that leads nowhere, or anything else that Sphinx warns of, fails.
"""

import re
import shutil
import sys
from functools import partial
from pathlib import Path

from sphinx.cmd.build import build_main

from docs.site import reference

ROOT = Path(__file__).resolve().parents[2]

CONTENTS = """
```{toctree}
:hidden:
:caption: Use it

keys
feed
webhooks
verifying
receiving
import
%(wordpress)s
```
```{toctree}
:hidden:
:caption: Look it up

errors
versioning
stubs
changelog
```
```{toctree}
:hidden:
:caption: Every method

%(reference)s
```
```{toctree}
:hidden:
:caption: Run it

deploying
operating
runbooks/README
delivery-engine
scaling
staging
decisions/README
```
"""
"""What stands where in the navigation; the pages themselves are plain Markdown that reads well anywhere."""

_LINK_OUT = re.compile(r"\[([^\]]*)\]\(((?:\.\./)+[^)]+)\)")


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "guide").resolve()
    site = build(folder)
    print(f"The site is in {site}")  # noqa: T201


def build(folder: Path) -> Path:
    """Builds the site in a folder, which is replaced; answers where its first page is.

    Raises:
        SystemExit: something is wrong with a page; Sphinx has said what.
    """
    shutil.rmtree(folder, ignore_errors=True)
    source, html = folder / "source", folder / "html"
    _collect(source)
    options = [
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        "-c",
        str(Path(__file__).parent),
        "-d",
        str(folder / "doctrees"),
    ]
    if status := build_main([*options, str(source), str(html)]):
        raise SystemExit(status)
    return html


def _collect(source: Path) -> None:
    """Puts the pages together."""
    shutil.copytree(ROOT / "docs", source, ignore=shutil.ignore_patterns("site", "__pycache__"))
    shutil.copytree(ROOT / "deploy" / "runbooks", source / "runbooks")
    shutil.copy(ROOT / "CHANGELOG.md", source / "changelog.md")
    for page in source.rglob("*.md"):
        text = page.read_text("utf-8")
        page.write_text(_LINK_OUT.sub(partial(_moved, page=page, source=source), text), "utf-8")
    (source / "reference").mkdir()
    for name, text in reference.pages():
        (source / "reference" / f"{name}.md").write_text(text, "utf-8")
    index = source / "index.md"
    names = "\n".join(f"reference/{reference.page_name(file)}" for file in reference.FILES)
    wordpress = "wordpress" if (source / "wordpress.md").exists() else ""
    index.write_text(index.read_text("utf-8") + CONTENTS % {"reference": names, "wordpress": wordpress}, "utf-8")
    for folder in ("decisions", "runbooks"):
        _list_pages(source / folder)


def _list_pages(folder: Path) -> None:
    names = "\n".join(sorted(page.stem for page in folder.glob("*.md") if page.stem != "README"))
    with (folder / "README.md").open("a", encoding="utf-8") as index:
        index.write(f"\n```{{toctree}}\n:hidden:\n\n{names}\n```\n")


def _moved(link: re.Match[str], page: Path, source: Path) -> str:
    """A link out of docs/, as the site has it: to the page that stands for the file, or no link at all."""
    text, target = link.groups()
    file, _, anchor = target.partition("#")
    name = Path(file).name
    up = "../" * (len(page.relative_to(source).parts) - 1)
    if (page.parent / file).resolve().is_file() and (page.parent / file).resolve().is_relative_to(source):
        return link[0]
    if name.endswith(".proto"):
        return f"[{text}]({up}reference/{name.removesuffix('.proto')}.md)"
    if name == "signatures.json":
        shutil.copy(ROOT / "tests" / "vectors" / name, source / name)
        return f"[{text}]({up}{name})"
    if name == "CHANGELOG.md":
        return f"[{text}]({up}changelog.md)"
    if "deploy/runbooks/" in file:
        return f"[{text}]({up}runbooks/{name}{'#' + anchor if anchor else ''})"
    return f"`{name}`"


if __name__ == "__main__":
    main()
