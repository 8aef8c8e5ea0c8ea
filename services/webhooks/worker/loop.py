"""The worker's loop: claims what is due, sends it, records how it went, as long as there is anything to do.

APScheduler keeps `drain` running: each second it starts it anew, should it have broken. One run drains at a time. It
never waits for the database: claiming and recording (`recorder`) have a thread and a connection each, so that exchanges
go on meanwhile. It sends outside of any transaction.
"""

import logging
import math
import random
import threading
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler

from services.common.database import BlockingDatabase
from services.common.errors import SedifexError
from services.common.observed import Pulse
from services.common.vault import Sealed, Vault
from services.webhooks.signing import Signer
from services.webhooks.worker import due, metrics, outcomes
from services.webhooks.worker.attempt_ids import AttemptIds
from services.webhooks.worker.due import Claim, Job, Receiver
from services.webhooks.worker.exchange import Exchange, Request
from services.webhooks.worker.flights import Flights
from services.webhooks.worker.outcomes import Moment, Outcome
from services.webhooks.worker.recorder import BATCH, Recorder, report
from services.webhooks.worker.sender import Sender

log = logging.getLogger(__name__)

POLL_S = 1.0
"""How often to look at the queue without having been told, in case that a notification was lost. Also how long to leave
a database alone that could not be reached."""
LEASE_S = 30.0
"""Twice the longest exchange: ends only if the worker has died, or cannot reach the database for so long."""
MAX_SIGNERS = 1_024
"""How many endpoints' secrets are kept opened; beyond it all are opened anew."""
GATHER_S = 0.005
"""The least time between two claims that are not full."""
MAX_BACKLOG = 2 * BATCH
"""How many outcomes may wait to be recorded while more is claimed."""


class Worker:
    """Drains the queue until it is stopped."""

    def __init__(self, database: BlockingDatabase, sender: Sender, vault: Vault) -> None:
        self._database = database
        self._sender = sender
        self._vault = vault
        self._flights = Flights(sender.free)
        self._attempt_ids = AttemptIds()
        self._signers: dict[tuple[str, tuple[Sealed, ...]], Signer] = {}
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._draining = threading.Lock()
        self._recorder = Recorder(database, sender.wake)
        self._claimer = ThreadPoolExecutor(1, thread_name_prefix="webhooks-claim")
        self._claiming: Future[Claim] | None = None
        self._claim_token, self._claim_total = "", 0
        self._claim_begun = self._look_at = self._claim_from = 0.0
        self._pulse = Pulse()
        self._clock = 0.0
        """The database's Unix time less ours of time.monotonic."""
        # In UTC, so that no change of summer time can hold the loop up.
        self._scheduler = BackgroundScheduler(timezone=UTC)
        # Two instances, so that each run can see that another is at work, and leave it to that.
        self._scheduler.add_job(
            self.drain,
            "interval",
            seconds=POLL_S,
            max_instances=2,
            coalesce=True,
            misfire_grace_time=None,
            next_run_time=datetime.now(UTC),
        )

    @property
    def is_alive(self) -> bool:
        """Whether the loop turns; from any thread."""
        return self._pulse.is_alive() and self._recorder.is_alive

    @property
    def is_cut_off(self) -> bool:
        """Whether what was sent waits for the database to take it, and nothing is claimed until then."""
        return self._recorder.is_cut_off

    @property
    def in_flight(self) -> int:
        """How many deliveries are being sent."""
        return self._sender.in_flight

    @property
    def scheduler(self) -> BackgroundScheduler:
        """What runs the worker's jobs."""
        return self._scheduler

    def start(self) -> None:
        """Begins to work, in threads of its own."""
        self._recorder.start()
        self._scheduler.start()

    def wake(self) -> None:
        """Tells the worker that something may be due. From any thread."""
        self._woken.set()
        self._sender.wake()

    def stop(self, drain_seconds: float) -> None:
        """Claims nothing more, lets what is being sent end for `drain_seconds`, and gives back the rest."""
        self._stopping.set()
        self._sender.wake()
        self._scheduler.shutdown(wait=True)
        deadline = time.monotonic() + drain_seconds
        try:
            while self._is_at_work and (left := deadline - time.monotonic()) > 0:
                self._turn(min(POLL_S, left))
        finally:
            # Waits for the statements that are under way, each of which has a limit of its own.
            self._claimer.shutdown(wait=True)
            self._end_claim()
            self._give_back(self._recorder.finish(deadline))

    def drain(self) -> None:
        """Works until the worker is stopped; returns at once if another run is doing so."""
        if not self._draining.acquire(blocking=False):
            return
        try:
            while not self._stopping.is_set():
                self._turn(POLL_S)
        finally:
            self._draining.release()

    @property
    def _is_at_work(self) -> bool:
        return bool(self._sender.in_flight or self._claiming or self._recorder.backlog)

    def _turn(self, timeout: float) -> None:
        """Takes up what has come, begins what can be begun, and waits for what comes next."""
        self._pulse.beat()
        if self._woken.is_set():
            self._woken.clear()
            self._look_at = 0.0
        jobs = self._end_claim()
        self._look_at = min(self._look_at, self._recorder.next_look())
        now = time.monotonic()
        # The next claim first, so that the database is at work while this thread signs what the last has brought.
        self._begin_claim(now)
        for job in jobs:
            self._begin(job, now)
        ended = self._sender.wait(min(timeout, self._pause(time.monotonic())))
        if ended:
            moment = _now()
            self._recorder.add([self._judge(exchange, moment) for exchange in ended])

    def _pause(self, now: float) -> float:
        """How long there is nothing to begin, in seconds; what ends meanwhile wakes the sender."""
        moments = [now + POLL_S]
        if self._may_claim:
            moments.append(max(self._look_at, self._claim_from))
        return max(0.0, min(moments) - now)

    @property
    def _may_claim(self) -> bool:
        return (
            self._claiming is None
            and not self._stopping.is_set()
            and not self._recorder.is_cut_off
            and self._flights.free > 0
            and self._recorder.backlog < MAX_BACKLOG
        )

    def _begin_claim(self, now: float) -> None:
        if not self._may_claim or now < self._look_at or now < self._claim_from:
            return
        room = self._flights.room(min(BATCH, self._flights.free), now)
        token = uuid.uuid4().hex
        self._claim_begun = now
        # Whoever wakes this from now on may tell of what this claim does not see: that is not forgotten at its end.
        self._look_at = math.inf
        busy = self._flights.busy(now)
        self._claiming = self._claimer.submit(self._database.read, due.claim, token, room, LEASE_S, busy)
        self._claiming.add_done_callback(lambda _: self._sender.wake())
        self._claim_token, self._claim_total = token, room.total

    def _end_claim(self) -> list[Job]:
        """What a claim that has ended has brought to be sent; from now on it is in flight."""
        claiming = self._claiming
        if claiming is None or not claiming.done():
            return []
        self._claiming = None
        now = time.monotonic()
        try:
            claim = claiming.result()
        except Exception as failure:  # whatever it is, the queue is looked at again
            metrics.CLAIM_FAILURES.inc()
            report("cannot look at the queue", failure)
            self._look_at = self._claim_from = now + POLL_S
            return []
        metrics.CLAIM_SECONDS.observe(now - self._claim_begun)
        metrics.CLAIMED.inc(len(claim.jobs))
        self._clock = claim.database_time - now
        self._look_at = min(self._look_at, now + min(POLL_S, claim.again_seconds))
        if claim.jobs:
            self._recorder.expect(self._claim_token, len(claim.jobs))
        # At least half of the time nobody claims: what becomes due meanwhile shares the next one.
        took = now - self._claim_begun
        self._claim_from = now if len(claim.jobs) == self._claim_total else now + max(GATHER_S - took, took)
        if self._stopping.is_set():
            return []  # what it has taken is given back
        self._recorder.add([outcomes.of_unwanted(job, _now()) for job in claim.jobs if not job.receiver.is_wanted])
        wanted = [job for job in claim.jobs if job.receiver.is_wanted]
        for job in wanted:
            self._flights.begin(job, now)
        return wanted

    def _begin(self, job: Job, now: float) -> None:
        try:
            headers = self._signer(job.receiver).headers(job.event_id, int(now + self._clock), job.body)
            self._sender.submit(Request(job, job.receiver.url, headers, job.body))
        except Exception:  # one delivery that cannot be sent must not hold up the others
            log.exception("a delivery could not be signed", extra={"delivery": job.delivery_id})
            self._flights.end(job)
            self._recorder.add([self._failed(job, outcomes.NOT_SIGNED)])

    def _signer(self, receiver: Receiver) -> Signer:
        # With the endpoint: what was sealed for one must not sign for another, wherever it may have got to.
        owner = receiver.id, receiver.secrets
        signer = self._signers.get(owner)
        if signer is None:
            if len(self._signers) >= MAX_SIGNERS:
                self._signers.clear()
            signer = Signer([self._vault.open(secret, receiver.id) for secret in receiver.secrets])
            self._signers[owner] = signer
        return signer

    def _judge(self, exchange: Exchange, now: Moment) -> Outcome:
        self._flights.end(exchange.token)
        try:
            return outcomes.of_exchange(exchange, attempt_id=self._attempt_id(now), jitter=_jitter(), now=now)
        except Exception:  # what one endpoint answers must not touch what others did
            log.exception("an answer could not be judged", extra={"delivery": exchange.token.delivery_id})
            return self._failed(exchange.token, "protocol: the answer could not be understood")

    def _failed(self, job: Job, error: str) -> Outcome:
        now = _now()
        return outcomes.of_failure(job, error, attempt_id=self._attempt_id(now), jitter=_jitter(), now=now)

    def _attempt_id(self, now: Moment) -> str:
        return self._attempt_ids.new(now.wall.timestamp())

    def _give_back(self, tokens: list[str]) -> None:
        if not tokens:
            return
        try:
            self._database.read(due.release, tokens)
        except SedifexError as failure:
            log.warning("leases stay until they run out", extra={"cause": failure.reason})


def _now() -> Moment:
    return Moment(time.monotonic(), datetime.now(UTC))


def _jitter() -> float:
    return random.random()  # noqa: S311 - it spreads load, it guards nothing
