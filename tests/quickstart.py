"""Reads programs out of a page of the documentation.

A block whose first line is a comment with a file's name is that file: `# app.rb`, `// main.go`, `<?php // index.php`.
What stands after a comma tells versions of one file apart: `# sedifex_webhooks.py, with standardwebhooks`.
"""

import re
from collections.abc import Mapping
from pathlib import Path

_BLOCK = re.compile(
    r"^```\w+\n((?:#|//|<\?php //) ([\w-]+\.\w+)(?:, with ([\w-]+))?\n.*?)^```$", re.MULTILINE | re.DOTALL
)

Files = Mapping[tuple[str, str], str]
"""Contents by name and version; the version is "" where there is but one."""


def files_of(page: Path) -> Files:
    """The files that a page shows.

    Raises:
        ValueError: it shows one twice.
    """
    found: dict[tuple[str, str], str] = {}
    for contents, name, version in _BLOCK.findall(page.read_text("utf-8")):
        if (name, version) in found:
            raise ValueError(f"{page.name} shows {name} twice")
        found[name, version] = contents
    return found
