"""What a family of scenarios is: each part of the platform has one, which keeps its own promises."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """How to run."""

    folder: Path
    """Where data and logs go."""
    seconds: float
    """How long each scenario disturbs."""
    seed: int
    """Of all choices: the same seed makes the same ones, though not at the same moments."""


@dataclass
class Result:
    """What came of a scenario."""

    scenario: str
    facts: list[str] = field(default_factory=list)
    """What was counted, in words."""
    violations: list[str] = field(default_factory=list)
    """How the promise was broken."""
    failures: list[str] = field(default_factory=list)
    """What else must not be: it proves nothing, or the system did not recover."""
    checks: int = 0
    """How often the promise was put to the test."""


@dataclass(frozen=True)
class Family:
    """Scenarios that share what they need."""

    scenarios: Mapping[str, str]
    """What each does, by name, in the order in which they run."""
    run: Callable[[Options, Sequence[str]], AsyncIterator[Result]]
    """Runs the scenarios of these names, one after the other."""
    by_name_only: frozenset[str] = frozenset()
    """Scenarios that run only when they are asked for."""
