"""The worker's loop: claims what is due, sends it, records how it went, as long as there is anything to do.

APScheduler keeps `drain` running: each second it starts it anew, should it have broken. One run drains at a time. It
never waits for the database: `queue_thread` claims and records, so that exchanges go on meanwhile. It sends outside of
any transaction.
"""

import logging
import random
import threading
import time
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler

from services.common.database import BlockingDatabase
from services.common.observed import Pulse
from services.common.vault import Sealed, Vault
from services.webhooks.signing import Signer
from services.webhooks.worker import outcomes
from services.webhooks.worker.attempt_ids import AttemptIds
from services.webhooks.worker.due import Job, Receiver
from services.webhooks.worker.exchange import Exchange, Request
from services.webhooks.worker.flights import Flights
from services.webhooks.worker.outcomes import Moment, Outcome
from services.webhooks.worker.queue_thread import QueueThread
from services.webhooks.worker.sender import Sender

log = logging.getLogger(__name__)

POLL_S = 1.0
"""How often to turn with nothing to do: a sign of life."""
BEGIN_AT_ONCE = 8
"""How many exchanges are begun before the sockets are looked at: the first of a claim does not wait for its last."""
MAX_SIGNERS = 1_024
"""How many endpoints' secrets are kept opened; beyond it all are opened anew."""


class Worker:
    """Drains the queue until it is stopped."""

    def __init__(self, database: BlockingDatabase, sender: Sender, vault: Vault) -> None:
        self._sender = sender
        self._vault = vault
        self._flights = Flights(sender.free)
        self._attempt_ids = AttemptIds()
        self._signers: dict[tuple[str, tuple[Sealed, ...]], Signer] = {}
        self._stopping = threading.Event()
        self._draining = threading.Lock()
        self._queue = QueueThread(database, self._flights, sender.wake)
        self._pulse = Pulse()
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
        return self._pulse.is_alive() and self._queue.is_alive

    @property
    def is_cut_off(self) -> bool:
        """Whether what was sent waits for the database to take it, and nothing is claimed until then."""
        return self._queue.is_cut_off

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
        self._queue.start()
        self._scheduler.start()

    def wake(self) -> None:
        """Tells the worker that something may be due. From any thread."""
        self._queue.wake()

    def stop(self, drain_seconds: float) -> None:
        """Claims nothing more, lets what is being sent end for `drain_seconds`, and gives back the rest."""
        self._stopping.set()
        self._queue.stop_claiming()
        self._sender.wake()
        self._scheduler.shutdown(wait=True)
        deadline = time.monotonic() + drain_seconds
        try:
            while self._is_at_work and (left := deadline - time.monotonic()) > 0:
                self._turn(min(POLL_S, left))
        finally:
            self._queue.finish(deadline)

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
        return bool(self._sender.in_flight or self._queue.backlog)

    def _turn(self, timeout: float) -> None:
        """Takes up what has come, begins what can be begun, and waits for what comes next."""
        self._pulse.beat()
        now = time.monotonic()
        jobs = self._queue.take(BEGIN_AT_ONCE)
        for job in jobs:
            self._begin(job, now)
        ended = self._sender.wait(0.0 if len(jobs) == BEGIN_AT_ONCE else timeout)  # there may be more
        if ended:
            moment = _now()
            self._flights.end_all([exchange.token for exchange in ended])
            self._queue.add([self._judge(exchange, moment) for exchange in ended])

    def _begin(self, job: Job, now: float) -> None:
        try:
            headers = self._signer(job.receiver).headers(job.event_id, int(now + self._queue.clock), job.body)
            self._sender.submit(Request(job, job.receiver.url, headers, job.body))
        except Exception:  # one delivery that cannot be sent must not hold up the others
            log.exception("a delivery could not be signed", extra={"delivery": job.delivery_id})
            self._flights.end_all([job])
            self._queue.add([self._failed(job, outcomes.NOT_SIGNED)])

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


def _now() -> Moment:
    return Moment(time.monotonic(), datetime.now(UTC))


def _jitter() -> float:
    return random.random()  # noqa: S311 - it spreads load, it guards nothing
