"""The page of errors against the source: what a caller may be told, it explains, and nothing else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from google.rpc import code_pb2

from services.common import errors, status

REASON = re.compile(r"[A-Z][A-Z_]+")


def test_every_reason_in_the_source_is_explained_and_no_other(root: Path) -> None:
    listed = re.findall(r"^\| `([A-Z_]+)` \|", _page(root), re.MULTILINE)
    assert sorted(listed) == sorted(_reasons(root))


def test_every_status_that_we_answer_with_is_explained(root: Path) -> None:
    table = _page(root).partition("## Who you are")[0]
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "default_reason")]
    names = {code_pb2.Code.Name(status.from_error(kind("…")).code) for kind in kinds}
    assert len(names) == len(kinds) == 9
    assert [name for name in names if name not in table] == []


def _page(root: Path) -> str:
    return (root / "docs" / "errors.md").read_text("utf-8")


def _reasons(root: Path) -> set[str]:
    files = [*(root / "services").rglob("*.py"), *(root / "gateway").rglob("*.py")]
    return {reason for file in files for reason in _reasons_in(ast.parse(file.read_text("utf-8")))}


def _reasons_in(tree: ast.AST) -> Iterator[str]:
    """Each `reason="…"` that is passed, and each `default_reason = "…"`."""
    for node in ast.walk(tree):
        is_argument = isinstance(node, ast.keyword) and node.arg == "reason"
        is_default = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "default_reason"
        value = node.value if isinstance(node, ast.keyword | ast.Assign) and (is_argument or is_default) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and REASON.fullmatch(value.value):
            yield value.value
