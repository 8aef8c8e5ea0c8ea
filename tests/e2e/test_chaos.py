"""The main promise, with real processes and for a few seconds, and that chaos would notice if it were broken."""

import re
import subprocess
import sys
from pathlib import Path

LIMIT_S = 100.0


def test_a_fill_that_races_a_revocation_is_not_accepted_and_a_broken_watcher_is_found_out(root: Path) -> None:
    told = _chaos(root, "fill-race", "broken-watcher")
    assert "FAILURE" not in told
    unbroken, broken = (_section(told, name) for name in ("fill-race", "broken-watcher"))
    assert _count(unbroken, r"(\d+) taken away: race") > 0
    assert _count(unbroken, r"(\d+) checks by watchers: accepted") > 1_000
    assert _count(unbroken, r"VIOLATIONS: (\d+)") == 0
    assert _count(broken, r"VIOLATIONS: (\d+)") > 0
    found = re.findall(r"VIOLATION .*", broken)
    assert all("watcher-broken accepted" in each for each in found), "it, and nobody else"


def _chaos(root: Path, *scenarios: str) -> str:
    """Runs these scenarios, of which one must break a promise; answers what is printed."""
    chosen = [part for name in scenarios for part in ("--only", name)]
    command = [sys.executable, "-m", "chaos", "--seconds", "1", "--seed", "1", *chosen]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def _section(told: str, scenario: str) -> str:
    return told.partition(f"\n{scenario}: ")[2].partition("\n\n")[0]


def _count(text: str, pattern: str) -> int:
    found = re.search(pattern, text.replace(",", ""))
    assert found is not None, text
    return int(found[1])
