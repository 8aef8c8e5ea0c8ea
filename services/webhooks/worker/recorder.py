"""What is to be recorded of what became of deliveries, until the database has it."""

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Sequence
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
"""The least time between two records, and between two claims, that are not full."""
RETRY_S = 1.0
"""How long to leave a database alone that has not done what it was asked."""


class Recorder:
    """Any thread may add; one thread records."""

    def __init__(self, database: BlockingDatabase) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._waiting: list[Outcome] = []
        self._in_hand = 0
        self._claims: Counter[str] = Counter()
        self._size = BATCH
        self._from = 0.0
        self._is_cut_off = False

    @property
    def is_cut_off(self) -> bool:
        """Whether the database did not take what it was to record. Until it does nothing must be claimed: that could be
        what has been sent already."""
        return self._is_cut_off

    @property
    def backlog(self) -> int:
        """How many outcomes are not recorded yet."""
        return len(self._waiting) + self._in_hand

    @property
    def unfinished(self) -> list[str]:
        """The tokens of the claims of which something is left."""
        return list(self._claims)

    def expect(self, token: str, count: int) -> None:
        """Notes that a claim has taken so many deliveries: it is unfinished until as many are recorded."""
        self._claims[token] += count

    def add(self, found: Sequence[Outcome]) -> None:
        """Takes outcomes to record. They are kept until the database has them."""
        with self._lock:
            self._waiting += found

    @property
    def due_at(self) -> float:
        """By time.monotonic: when to record next; infinite if there is nothing to record."""
        if not self._waiting:
            return math.inf
        return 0.0 if len(self._waiting) >= self._size and not self._is_cut_off else self._from

    def record(self, pace_seconds: float) -> float:
        """Records a batch, or keeps it to be tried again. Backlogs of its endpoints go on at `pace_seconds`.

        Answers in how many seconds to look what is due to its endpoints; infinite: there is nothing.
        """
        with self._lock:
            batch, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
            self._in_hand = len(batch)
        begun = time.monotonic()
        results = [outcome.result for outcome in batch]
        gone = sorted({outcome.gone_endpoint for outcome in batch if outcome.gone_endpoint})
        try:
            is_one = completion.is_one_statement(results, gone)
            run = self._database.read if is_one else self._database.write
            done = run(completion.complete, results, gone, datetime.now(UTC), pace_seconds)
        except Exception as failure:  # whatever it is, what has been sent must not be forgotten
            metrics.RECORD_FAILURES.inc()
            report("outcomes wait to be recorded", failure)
            self._take_back(batch, failure)
            return math.inf
        self._in_hand, self._size, self._is_cut_off = 0, BATCH, False
        self._claims -= Counter(result.lease_token for result in results)
        self._tell(results, done, time.monotonic() - begun)
        now = time.monotonic()
        # At least half of the time nobody records: what ends meanwhile shares the next one.
        self._from = now + max(GATHER_S, now - begun)
        return math.inf if done.again_seconds is None else done.again_seconds

    def _tell(self, results: list[completion.Result], done: Completion, seconds: float) -> None:
        if done.recorded < len(results):
            log.warning("leases had run out", extra={"count": len(results) - done.recorded})
        metrics.recorded(results, done.recorded, seconds)
        if tracing.is_on():
            attempt_traces.note(self._database, results)

    def _take_back(self, batch: list[Outcome], failure: Exception) -> None:
        pause = RETRY_S
        if not isinstance(failure, Unavailable):
            # There is one among them that PostgreSQL will never take: by halves it is found, and told without details.
            pause = 0.0
            self._size = max(1, len(batch) // 2)
            if len(batch) == 1:
                batch = [outcomes.without_details(batch[0])]
                pause = RETRY_S  # should it be something else after all
        self._is_cut_off = True
        self._from = time.monotonic() + pause
        with self._lock:
            self._waiting[:0] = batch
            self._in_hand = 0


def report(message: str, failure: Exception) -> None:
    """Logs what the database did not do: briefly where it is known for what it is, else with all that there is."""
    if isinstance(failure, SedifexError):
        log.warning(message, extra={"cause": failure.reason})
    else:
        log.error(message, exc_info=failure)
