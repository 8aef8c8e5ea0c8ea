"""The documentation's site, built."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.site import reference

# Where a browser would fetch from by itself; a link that somebody follows is none.
_FETCHED = (
    re.compile(
        r"<(?:script|img|iframe|source|video|audio|embed|object)\b[^>]*?\b(?:src|srcset|data)=\"(?:https?:)?//[^>]*"
    ),
    re.compile(r"<link\b[^>]*?\bhref=\"(?:https?:)?//[^>]*"),
    re.compile(r"url\([\"']?(?:https?:)?//[^)]*\)|@import[^;]*//[^;]*"),
)


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("sphinx") is None:
        pytest.skip("Sphinx is not installed: make docs")
    folder = tmp_path_factory.mktemp("guide")
    done = subprocess.run(
        [sys.executable, "-m", "docs.site.build", str(folder)], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


def test_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    files = [file for kind in ("*.html", "*.css") for file in site.rglob(kind)]
    assert len(files) > 30
    texts = {file.relative_to(site): file.read_text("utf-8") for file in files}
    assert [(name, found) for name, text in texts.items() for each in _FETCHED for found in each.findall(text)] == []


def test_every_page_is_in_the_site_and_can_be_searched_for(root: Path, site: Path) -> None:
    pages = {path.stem for path in (root / "docs").glob("*.md")}
    assert {path.stem for path in site.glob("*.html")} >= pages | {"changelog", "search"}
    index = (site / "searchindex.js").read_text("utf-8")
    assert [page for page in pages if f'"{page}"' not in index] == []


def test_every_method_of_the_contract_is_in_the_reference(site: Path) -> None:
    services = [service for file in reference.FILES for service in file.services_by_name.values()]
    methods = [method for service in services for method in service.methods]
    assert len(methods) > 60
    text = "".join(path.read_text("utf-8") for path in (site / "reference").glob("*.html"))
    assert [method.name for method in methods if f"<h2>{method.name}<" not in text] == []
