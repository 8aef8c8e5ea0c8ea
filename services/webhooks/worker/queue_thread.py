"""The thread that talks to the queue: it records how deliveries ended and claims the next ones, on one connection.

In turn, for both change the endpoints' rows: side by side a claim passes by what a record has locked, and looks again
for nothing. And by itself: the thread that sends is at its sockets for milliseconds at a time.
"""

import logging
import math
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from services.common.database import BlockingDatabase
from services.common.errors import SedifexError
from services.webhooks import breaker
from services.webhooks.worker import due, metrics, outcomes
from services.webhooks.worker.due import Claim, Job
from services.webhooks.worker.flights import Flights
from services.webhooks.worker.outcomes import Moment, Outcome
from services.webhooks.worker.recorder import BATCH, GATHER_S, RETRY_S, Recorder, report

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often to look at the queue without having been told, in case that a notification was lost."""
LEASE_S = 30.0
"""Twice the longest exchange: ends only if the worker has died, or cannot reach the database for so long."""
CREDIT_S = 0.02
"""How far claims may run ahead of their pace: what becomes due now and then is claimed at once."""
TOLD_S = 1.0
"""For so long after something has been published, others may be waiting."""
MAX_BACKLOG = 4 * BATCH
"""How many outcomes may wait to be recorded while more is claimed."""


class QueueThread:
    """Claims what `flights` has room for. `told` is called from the thread when there is something to take, and while
    the worker stops, when something was recorded.

    What is claimed is in flight from then on.
    """

    def __init__(self, database: BlockingDatabase, flights: Flights, told: Callable[[], None]) -> None:
        self._database = database
        self._flights = flights
        self._told = told
        self._recorder = Recorder(database)
        self._changed = threading.Condition()
        self._claimed: list[Job] = []
        self._look_at = self._nudged_at = self._claim_from = 0.0
        self._told_at = -math.inf
        self._may_claim = True
        self._ends_at: float | None = None
        self._clock = 0.0
        self._thread = threading.Thread(target=self._run, name="webhooks-queue", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._thread.is_alive()

    @property
    def is_cut_off(self) -> bool:
        """Whether what was sent waits for the database to take it, and nothing is claimed until then."""
        return self._recorder.is_cut_off

    @property
    def backlog(self) -> int:
        """How many outcomes are not recorded yet."""
        return self._recorder.backlog

    @property
    def clock(self) -> float:
        """The database's Unix time less ours of time.monotonic, as of the last claim."""
        return self._clock

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def wake(self) -> None:
        """Tells that a nudge says what may be due. From any thread."""
        with self._changed:
            self._nudged_at, self._told_at = 0.0, time.monotonic()
            self._changed.notify()

    def add(self, found: Sequence[Outcome]) -> None:
        """Takes outcomes to record. They are kept until the database has them."""
        if found:
            self._recorder.add(found)
            with self._changed:
                self._changed.notify()

    def take(self, most: int) -> list[Job]:
        """What has been claimed and not taken yet, at most so many; the first of it."""
        with self._changed:
            taken, self._claimed = self._claimed[:most], self._claimed[most:]
        return taken

    def stop_claiming(self) -> None:
        """From now on nothing is claimed, and what was claimed and not taken is given back at the end."""
        with self._changed:
            self._may_claim = False
            self._claimed = []

    def finish(self, deadline: float) -> None:
        """Records what waits, gives back what is left of every claim, and ends.

        What cannot be recorded is tried again until `deadline`, by time.monotonic.
        """
        with self._changed:
            self._ends_at = deadline
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._ends_at is None:
                    self._changed.wait(self._pause(time.monotonic()))
                if self._ends_at is not None:
                    break
            try:
                self._pass()
            except Exception:  # the worker must not go on without it
                log.exception("the queue's thread met something unexpected")
                time.sleep(RETRY_S)  # whatever wakes the thread, this must not become a loop without a pause
        self._record_rest(self._ends_at)
        self._give_back()

    def _record_rest(self, deadline: float) -> None:
        while self._recorder.backlog:
            self._recorder.record(breaker.PACE_SECONDS)
            if self._recorder.is_cut_off:
                now = time.monotonic()
                if now >= deadline:
                    return
                # Nothing gives notice of a database that takes outcomes again.
                time.sleep(max(0.0, min(self._recorder.due_at, deadline) - now))

    def _pass(self) -> None:
        if self._recorder.due_at <= time.monotonic():
            again = self._recorder.record(self._pace(time.monotonic()))
            with self._changed:
                self._look_at = min(self._look_at, time.monotonic() + again)
            if not self._may_claim:
                self._told()  # a worker that stops waits for what is recorded; else nobody does
        if self._claim_at() <= time.monotonic():
            self._claim()

    def _pace(self, now: float) -> float:
        """In seconds, of backlogs at the endpoints of which something is to be recorded."""
        # What fills half a statement is of many endpoints: to slow down all of them would spare nobody a small one.
        is_shared = now - self._told_at < TOLD_S and 2 * self._recorder.backlog < BATCH
        return breaker.SHARED_PACE_SECONDS if is_shared else breaker.PACE_SECONDS

    def _pause(self, now: float) -> float:
        return max(0.0, min(self._recorder.due_at, self._claim_at(), now + LOOK_S) - now)

    def _claim_at(self) -> float:
        """By time.monotonic: when to claim next; infinite if there is no room."""
        has_room = self._flights.free > 0 and self._recorder.backlog < MAX_BACKLOG
        if not self._may_claim or self._recorder.is_cut_off or not has_room:
            return math.inf
        return max(min(self._look_at, self._nudged_at), self._claim_from)

    def _claim(self) -> None:
        begun = time.monotonic()
        room, busy = self._flights.look(BATCH, begun)
        with self._changed:
            # A backlog whose time has not come would make the claim longer, and keep what is new from its sockets.
            nudged_only = self._look_at > begun
            # Whoever wakes this from now on may tell of what this claim does not see: that is not forgotten at its end.
            self._nudged_at = math.inf
            if not nudged_only:
                self._look_at = math.inf
        token = uuid.uuid4().hex
        try:
            claim = self._database.read(due.claim, token, room, LEASE_S, busy, nudged_only=nudged_only)
        except Exception as failure:  # whatever it is, the queue is looked at again
            metrics.CLAIM_FAILURES.inc()
            report("cannot look at the queue", failure)
            with self._changed:
                self._look_at = self._claim_from = time.monotonic() + RETRY_S
            return
        now = time.monotonic()
        took = now - begun
        metrics.CLAIM_SECONDS.observe(took)
        metrics.CLAIMED.inc(len(claim.jobs))
        self._clock = claim.database_time - now
        # What becomes due while nobody claims shares the next one: what brings little leaves the time that it took.
        pause = 0.0 if 2 * len(claim.jobs) >= room.total else max(GATHER_S - took, took)
        self._claim_from = max(self._claim_from, now - CREDIT_S) + pause
        # All workers are told of the same moment: were they to keep it, they would meet each other's locks.
        again = min(LOOK_S, claim.again_seconds + random.random() * GATHER_S) if claim.again_seconds else pause  # noqa: S311
        with self._changed:
            self._look_at = min(self._look_at, now + again)
            if claim.is_partial and nudged_only:
                self._nudged_at = min(self._nudged_at, now + pause)
            elif claim.is_partial:
                self._look_at = min(self._look_at, now + pause)
        if claim.jobs:
            self._recorder.expect(token, len(claim.jobs))
        self._hand_over(claim, now)

    def _hand_over(self, claim: Claim, now: float) -> None:
        wanted = _few_first([job for job in claim.jobs if job.receiver.is_wanted])
        unwanted = [job for job in claim.jobs if not job.receiver.is_wanted]
        self._recorder.add([outcomes.of_unwanted(job, Moment(now, datetime.now(UTC))) for job in unwanted])
        with self._changed:
            if not self._may_claim:
                return  # what it has taken is given back
            self._flights.begin_all(wanted, now)
            self._claimed += wanted
        if wanted:
            self._told()

    def _give_back(self) -> None:
        if not (tokens := self._recorder.unfinished):
            return
        try:
            self._database.read(due.release, tokens)
        except SedifexError as failure:
            log.warning("leases stay until they run out", extra={"cause": failure.reason})


def _few_first(jobs: list[Job]) -> list[Job]:
    """In the order to send them: whoever is sent one does not wait until twenty to another have been begun."""
    counts = Counter(job.receiver.id for job in jobs)
    return sorted(jobs, key=lambda job: counts[job.receiver.id])
