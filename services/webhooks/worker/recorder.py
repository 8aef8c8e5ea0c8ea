"""Records what became of deliveries, in a thread and on a connection of its own, so that sending never waits for it.

It goes from one batch to the next by itself: the thread that sends is at its sockets for milliseconds at a time, and a
batch that waited for it to look would hold up the claims behind it.
"""

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from services.common import tracing
from services.common.database import BlockingDatabase
from services.common.errors import SedifexError, Unavailable
from services.webhooks.worker import attempt_traces, completion, metrics, outcomes
from services.webhooks.worker.completion import Completion
from services.webhooks.worker.outcomes import Outcome

log = logging.getLogger(__name__)

BATCH = 200
"""How many deliveries a statement is about at most, of those that claim and of those that record."""
GATHER_S = 0.005
"""The least time between two records that are not full."""
RETRY_S = 1.0
"""How long to leave a database alone that did not take what it was to record."""
LOOK_S = 1.0


class Recorder:
    """What waits to be recorded, and the thread that does it. `told` is called from that thread after each batch."""

    def __init__(self, database: BlockingDatabase, told: Callable[[], None]) -> None:
        self._database = database
        self._told = told
        self._changed = threading.Condition()
        self._waiting: list[Outcome] = []
        self._in_hand = 0
        self._claims: Counter[str] = Counter()
        self._size = BATCH
        self._from = 0.0
        self._look_at = math.inf
        self._ends_at: float | None = None
        self._is_cut_off = False
        self._thread = threading.Thread(target=self._run, name="webhooks-record", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    @property
    def is_cut_off(self) -> bool:
        """Whether the database did not take what it was to record. Until it does nothing must be claimed: that could be
        what has been sent already."""
        return self._is_cut_off

    @property
    def backlog(self) -> int:
        """How many outcomes are not recorded yet."""
        return len(self._waiting) + self._in_hand

    def start(self) -> None:
        """Begins to record."""
        self._thread.start()

    def expect(self, token: str, count: int) -> None:
        """Notes that a claim has taken so many deliveries: it is unfinished until as many are recorded."""
        with self._changed:
            self._claims[token] += count

    def add(self, found: Sequence[Outcome]) -> None:
        """Takes outcomes to record. They are kept until the database has them."""
        if not found:
            return
        with self._changed:
            before = len(self._waiting)
            self._waiting += found
            if not before or before < self._size <= len(self._waiting):
                self._changed.notify()

    def next_look(self) -> float:
        """By time.monotonic: when to look what is due to the endpoints of what was recorded since this was last asked;
        infinite if there is nothing."""
        with self._changed:
            look_at, self._look_at = self._look_at, math.inf
        return look_at

    def finish(self, deadline: float) -> list[str]:
        """Records what waits, and ends. What cannot be recorded is tried again until `deadline`, by time.monotonic.

        Answers the tokens of the claims of which something is left.
        """
        with self._changed:
            self._from, self._ends_at = 0.0, deadline
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()
        return list(self._claims)

    def _run(self) -> None:
        while batch := self._next():
            self._record(batch)
            self._told()

    def _next(self) -> list[Outcome]:
        """Waits for the next batch; empty: there is none to come."""
        with self._changed:
            while not self._is_time(now := time.monotonic()):
                if self._ends_at is not None and (not self._waiting or now >= self._ends_at):
                    return []
                pause = self._from - now if self._waiting else LOOK_S
                self._changed.wait(min(max(0.0, pause), LOOK_S))
            batch, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
            self._in_hand = len(batch)
        return batch

    def _is_time(self, now: float) -> bool:
        if not self._waiting:
            return False
        is_hurried = len(self._waiting) >= self._size or self._ends_at is not None
        return now >= self._from or (is_hurried and not self._is_cut_off)

    def _record(self, batch: list[Outcome]) -> None:
        begun = time.monotonic()
        results = [outcome.result for outcome in batch]
        gone = sorted({outcome.gone_endpoint for outcome in batch if outcome.gone_endpoint})
        try:
            done = self._database.write(completion.complete, results, gone, datetime.now(UTC))
        except Exception as failure:  # whatever it is, what has been sent must not be forgotten
            metrics.RECORD_FAILURES.inc()
            report("outcomes wait to be recorded", failure)
            self._take_back(batch, failure)
            return
        took = time.monotonic() - begun
        self._settle(Counter(result.lease_token for result in results), done, took)
        if done.recorded < len(batch):
            log.warning("leases had run out", extra={"count": len(batch) - done.recorded})
        metrics.recorded(results, done.recorded, took)
        if tracing.is_on():
            attempt_traces.note(self._database, results)

    def _settle(self, recorded: Counter[str], done: Completion, took: float) -> None:
        now = time.monotonic()
        with self._changed:
            self._in_hand = 0
            self._claims -= recorded
            self._size = BATCH
            self._is_cut_off = False
            # At least half of the time nobody records: what ends meanwhile shares the next one.
            self._from = now + max(GATHER_S, took)
            if done.again_seconds is not None:
                self._look_at = min(self._look_at, now + done.again_seconds)

    def _take_back(self, batch: list[Outcome], failure: Exception) -> None:
        """Keeps what could not be recorded, to try it again."""
        pause = RETRY_S
        with self._changed:
            if not isinstance(failure, Unavailable):
                # There is one that PostgreSQL will never take: by halves it is found, and told without details.
                pause = 0.0
                self._size = max(1, len(batch) // 2)
                if len(batch) == 1:
                    batch = [outcomes.without_details(batch[0])]
                    pause = RETRY_S  # should it be something else after all
            self._waiting[:0] = batch
            self._in_hand = 0
            self._is_cut_off = True
            self._from = time.monotonic() + pause


def report(message: str, failure: Exception) -> None:
    """Logs what the database did not do: briefly where it is known for what it is, else with all that there is."""
    if isinstance(failure, SedifexError):
        log.warning(message, extra={"cause": failure.reason})
    else:
        log.error(message, exc_info=failure)
