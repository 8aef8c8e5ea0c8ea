"""The pages of the documentation that can be followed, followed on the running system."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from rig.runbook import Runbook
from tests.e2e.conftest import WAIT_S
from tests.quickstart import files_of


@pytest.mark.parametrize("page", ["feed.md", "keys.md"])
def test_a_page_does_what_it_says(root: Path, demo: dict[str, Any], tmp_path: Path, page: str) -> None:
    credential = demo["operatorToken"] if page == "keys.md" else demo["apiKey"]
    values = {"GATEWAY": demo["gateway"], "STORE": demo["store"], "API_KEY": credential}
    Runbook.read(root / "docs" / page).run(tmp_path, values).check()


def test_the_follower_keeps_a_copy(root: Path, demo: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "follow.py").write_text(files_of(root / "docs" / "feed.md")["follow.py", ""], "utf-8")
    client = httpx.Client(
        base_url=f"{demo['gateway']}/v1/{demo['store']}",
        headers={"Authorization": f"Bearer {demo['apiKey']}"},
        timeout=WAIT_S,
    )
    with client:
        before = _follow(tmp_path, demo)
        assert before > 20
        made = client.post("/products", json={"displayName": "Follower's Tin", "price": {"amount": "5.00"}})
        assert made.status_code == 200, made.text
        assert _follow(tmp_path, demo) == before + 1
        client.delete(f"/products/{made.json()['name'].rsplit('/', 1)[1]}")
        assert _follow(tmp_path, demo) == before


def _follow(folder: Path, demo: dict[str, Any]) -> int:
    """Runs the follower; how many products its copy has then."""
    environment = {
        "PATH": os.environ["PATH"],
        "GATEWAY": demo["gateway"],
        "STORE": demo["store"],
        "API_KEY": demo["apiKey"],
    }
    done = subprocess.run(
        [sys.executable, "follow.py"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[0])
