"""The transcoder is of use to others: it needs nothing of this project."""

import ast
import subprocess
import sys
from pathlib import Path

import gateway.transcoding

FOLDER = Path(gateway.transcoding.__file__).parent
NEEDED = {"google", "grpc", "starlette"}


def test_it_imports_nothing_but_the_libraries_that_its_guide_names() -> None:
    for file in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [str(node.module)]
            else:
                assert not isinstance(node, ast.ImportFrom) or node.level == 1, f"{file.name} imports from outside"
                continue
            roots = {name.partition(".")[0] for name in names}
            assert roots <= NEEDED | sys.stdlib_module_names, f"{file.name} imports {roots}"


def test_it_works_where_nothing_of_this_project_is_installed(tmp_path: Path) -> None:
    (tmp_path / "transcoding").symlink_to(FOLDER)
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import transcoding; "
        "assert not {'services', 'sedifex', 'gateway'} & {name.split('.')[0] for name in sys.modules}"
    )
    subprocess.run([sys.executable, "-P", "-c", script], check=True)
