"""Seals secrets at rest again, under the first key, so that an older one can be dropped.

In batches, each a transaction of its own that waits for nobody: what somebody else has locked is being changed, and is
left for the next pass. What is under the first key already is not looked at, so it can be stopped and started again.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag

from services.common.database import BlockingDatabase
from services.common.vault import Sealed, Vault

BATCH = 200
PASSES = 5
BETWEEN_PASSES_S = 1.0


@dataclass(frozen=True)
class Kept:
    """A sealed secret where it stands."""

    position: tuple[Any, ...]
    """Its primary key."""
    owner_id: str
    """What it was sealed for."""
    sealed: Sealed = field(repr=False)


@dataclass(frozen=True)
class Rows:
    """Where a service keeps sealed secrets."""

    count: Callable[[], dict[int, int]]
    """How many there are under each key, by its version."""
    lock: Callable[[int, Sequence[Any] | None, int], list[Kept]]
    """Those under another key than this one, from behind a position on, so many at most, locked; without what somebody
    else has locked."""
    update: Callable[[Kept, Sealed], bool]
    """Puts one in the place of the one that it was made from; False if that is not there any more."""


@dataclass
class Outcome:
    """What has been done."""

    resealed: int = 0
    unreadable: Counter[int] = field(default_factory=Counter)
    """By version: its key is not among the settings, or what stands there was not sealed under it."""
    busy: int = 0
    """How many somebody else had locked, each time."""


def reseal(database: BlockingDatabase, rows: Rows, vault: Vault, tell: Callable[[Outcome], None]) -> Outcome:
    """Seals everything under the first key that is under another; `tell` is called after each batch.

    Raises:
        Unavailable: the database cannot be reached; what was done is done.
    """
    outcome = Outcome()
    for left in reversed(range(PASSES)):
        outcome.unreadable = Counter()
        after: tuple[Any, ...] | None = None
        while batch := database.write(_reseal_batch, rows, vault, after):
            after = batch.end
            outcome.resealed += batch.resealed
            outcome.unreadable += batch.unreadable
            tell(outcome)
        outdated = sum(count for version, count in database.read(rows.count).items() if version != vault.version)
        outcome.busy = max(0, outdated - outcome.unreadable.total())
        if not outcome.busy:
            break
        if left:
            time.sleep(BETWEEN_PASSES_S)
    return outcome


@dataclass(frozen=True)
class _Batch:
    end: tuple[Any, ...]
    resealed: int
    unreadable: Counter[int]


def _reseal_batch(rows: Rows, vault: Vault, after: tuple[Any, ...] | None) -> _Batch | None:
    found = rows.lock(vault.version, after, BATCH)
    resealed, unreadable = 0, Counter[int]()
    for kept in found:
        try:
            secret = vault.open(kept.sealed, kept.owner_id)
        except (KeyError, InvalidTag):
            unreadable[kept.sealed.version] += 1
        else:
            resealed += rows.update(kept, vault.seal(secret, kept.owner_id))
    return _Batch(found[-1].position, resealed, unreadable) if found else None
