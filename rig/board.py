"""The board: what is asked about, and what was answered, in a file that all processes have mapped into memory.

One process puts tokens on the board, many ask about them and note what they were answered, each in columns of its own
that nobody else writes. What has been noted stays when its writer is frozen or killed: that is why it is a file. All
run on one machine, whose monotonic clock is the same for all of them.
"""

import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Self

SCOPES = ("keys.read", "catalog.read", "webhooks.read")
"""In the order of the bits of a mask."""
SLOTS = 16_384
SEATS = 32

_WORD = 8
_TEXT = 64
_SLOT = _WORD + 2 * _TEXT
_HEAD = 2 * _WORD
_COUNTERS = 16
_COLUMN = (_COUNTERS + SLOTS) * _WORD
_COLUMNS_AT = _HEAD + SLOTS * _SLOT
_SIZE = _COLUMNS_AT + SEATS * _COLUMN


class Outcome(IntEnum):
    """What came of asking once."""

    ACCEPTED = 0
    UNAUTHENTICATED = 1
    SCOPE_MISSING = 2
    UNAVAILABLE = 3
    DEADLINE = 4
    EXHAUSTED = 5
    OTHER = 6


@dataclass(frozen=True, slots=True)
class Slot:
    """A token and what it is asked about. A slot is used once, so no note can be about another token."""

    number: int
    token: str
    store: str
    scopes: frozenset[str]
    """The token is accepted if it has any of them."""


class Column:
    """What one seat has been answered."""

    def __init__(self, view: memoryview) -> None:
        self.counts = view[: _COUNTERS * _WORD].cast("q")
        """How often each outcome came."""
        self.latest = view[_COUNTERS * _WORD :].cast("d")
        """By slot: when the latest check began that was accepted, by the monotonic clock; 0: none was."""

    def note(self, slot: int, began: float, outcome: Outcome) -> None:
        """Notes what came of a check that began at `began`."""
        self.counts[outcome] += 1
        if outcome is Outcome.ACCEPTED and began > self.latest[slot]:
            self.latest[slot] = began


class Board:
    """See above. `create` makes the file, `Board(path)` opens it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self._view = memoryview(self._map)
        self._head = self._view[:_HEAD].cast("q")
        self.columns = [Column(self._column(seat)) for seat in range(SEATS)]

    @classmethod
    def create(cls, path: Path) -> Self:
        """Makes an empty board. Its file holds tokens: only its owner may read it."""
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b") as file:
            file.truncate(_SIZE)
        return cls(path)

    @property
    def used(self) -> int:
        """How many slots have been put up."""
        return self._head[0]

    @property
    def done(self) -> int:
        """Slots before this one need not be asked about any more."""
        return self._head[1]

    def retire(self, before: int) -> None:
        """Lets all slots before this one rest."""
        self._head[1] = max(self.done, before)

    def put(self, token: str, store: str, scopes: Sequence[str]) -> int:
        """Puts a token up, to be asked about from now on; answers its slot's number.

        Raises:
            IndexError: the board is full.
        """
        number = self.used
        if number >= SLOTS:
            raise IndexError("the board is full")
        at = _HEAD + number * _SLOT
        mask = sum(1 << SCOPES.index(scope) for scope in scopes)
        self._view[at : at + _SLOT] = mask.to_bytes(_WORD, "little") + _padded(token) + _padded(store)
        self._head[0] = number + 1  # last: whoever sees the number sees the slot
        return number

    def slots(self, start: int) -> Iterator[Slot]:
        """The slots from `start` on."""
        for number in range(start, self.used):
            at = _HEAD + number * _SLOT
            row = bytes(self._view[at : at + _SLOT])
            mask = int.from_bytes(row[:_WORD], "little")
            token, store = (row[each : each + _TEXT].rstrip(b"\0").decode() for each in (_WORD, _WORD + _TEXT))
            yield Slot(number, token, store, frozenset(each for bit, each in enumerate(SCOPES) if mask >> bit & 1))

    def latest(self, slot: int, seats: Sequence[int]) -> float:
        """When the latest check of a slot began that any of these seats saw accepted; 0: none."""
        return max(self.columns[seat].latest[slot] for seat in seats)

    def count(self, seats: Sequence[int]) -> dict[Outcome, int]:
        """How often each outcome came to these seats."""
        return {outcome: sum(self.columns[seat].counts[outcome] for seat in seats) for outcome in Outcome}

    def _column(self, seat: int) -> memoryview:
        at = _COLUMNS_AT + seat * _COLUMN
        return self._view[at : at + _COLUMN]


@contextmanager
def new_board(folder: Path) -> Iterator[Board]:
    """An empty board, whose file goes when the context ends."""
    board = Board.create(folder / "board")
    try:
        yield board
    finally:
        board.path.unlink(missing_ok=True)


def _padded(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > _TEXT:
        raise ValueError("too long for the board")
    return encoded.ljust(_TEXT, b"\0")
