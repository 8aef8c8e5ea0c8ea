"""The worker's loop: claims what is due, sends it, records how it went, as long as there is anything to do.

APScheduler runs `drain` now and then and whenever somebody publishes. One run drains at a time: it sends outside of any
transaction and holds no connection while it waits for endpoints.
"""

import logging
import random
import threading
import time
import uuid
from collections import Counter
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler

from services.common.database import BlockingDatabase
from services.common.errors import SedifexError
from services.common.ids import new_id
from services.common.vault import Vault
from services.webhooks import signing
from services.webhooks.worker import due, outcomes
from services.webhooks.worker.due import Job
from services.webhooks.worker.exchange import Exchange, Request
from services.webhooks.worker.outcomes import Outcome
from services.webhooks.worker.sender import Sender

log = logging.getLogger(__name__)

BATCH = 200
POLL_S = 1.0
"""How often to look at the queue without having been told: for retries that have become due, and lost notifications.
Also how long to leave a database alone that could not be reached."""
LEASE_S = 30.0
"""Twice the longest exchange: ends only if the worker has died, or cannot reach the database for so long."""


class Worker:
    """Drains the queue until it is stopped."""

    def __init__(self, database: BlockingDatabase, sender: Sender, vault: Vault) -> None:
        self._database = database
        self._sender = sender
        self._vault = vault
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._draining = threading.Lock()
        self._unrecorded: list[Outcome] = []
        self._database_again_at = 0.0
        self._claims: Counter[uuid.UUID] = Counter()
        """How many deliveries of each claim are still to be recorded."""
        # In UTC, so that no change of summer time can hold the loop up.
        self._scheduler = BackgroundScheduler(timezone=UTC)
        # Two instances, so that a run which was asked for can see that another is at work, and leave it to that.
        self._job = self._scheduler.add_job(
            self.drain, "interval", seconds=POLL_S, max_instances=2, coalesce=True, misfire_grace_time=None
        )

    def start(self) -> None:
        """Begins to work, in threads of its own."""
        self._scheduler.start()
        self.wake()

    def wake(self) -> None:
        """Tells the worker that something may be due. From any thread."""
        if not self._woken.is_set():
            self._woken.set()
            self._sender.wake()
            self._job.modify(next_run_time=datetime.now(UTC))

    def stop(self, drain_seconds: float) -> None:
        """Claims nothing more, lets what is being sent end for `drain_seconds`, and gives back the rest."""
        self._stopping.set()
        self._sender.wake()
        self._scheduler.shutdown(wait=True)
        deadline = time.monotonic() + drain_seconds
        try:
            while (self._sender.in_flight or self._unrecorded) and (left := deadline - time.monotonic()) > 0:
                self._turn(min(POLL_S, left))
        finally:
            self._give_back()

    def drain(self) -> None:
        """Works until nothing is due and nothing is being sent; returns at once if another run is doing so."""
        while self._draining.acquire(blocking=False):
            try:
                self._drain()
            finally:
                self._draining.release()
            # Woken between the last look and the release: the run that this asked for has found the lock taken.
            if self._stopping.is_set() or not self._woken.is_set():
                return

    def _drain(self) -> None:
        may_be_due, looked = True, 0.0
        while not self._stopping.is_set():
            if self._woken.is_set() or time.monotonic() - looked >= POLL_S:
                self._woken.clear()
                may_be_due = True
            # What has ended is recorded before anything is claimed: a claim could take it up again.
            if may_be_due and not self._unrecorded and self._sender.free:
                may_be_due, looked = self._take(min(BATCH, self._sender.free)), time.monotonic()
            if not (may_be_due or self._sender.in_flight or self._unrecorded):
                return
            self._turn(0 if may_be_due and self._sender.free and not self._unrecorded else POLL_S)

    def _take(self, room: int) -> bool:
        """Claims and begins to send up to `room` deliveries; says whether there may be more."""
        token = uuid.uuid4()
        try:
            jobs = self._database.read(due.claim, token, room, LEASE_S)
        except SedifexError as failure:
            log.warning("cannot look at the queue", extra={"cause": failure.reason})
            return False
        if jobs:
            self._claims[token] = len(jobs)
        for job in jobs:
            if job.is_wanted:
                self._begin(job)
            else:
                self._unrecorded.append(outcomes.of_unwanted(job))
        return len(jobs) == room

    def _begin(self, job: Job) -> None:
        try:
            secret = self._vault.open(job.secret, job.endpoint_id)
            headers = signing.headers([secret], job.event_id, int(time.time()), job.body)
            self._sender.submit(Request(job, job.url, headers, job.body))
        except Exception:  # one delivery that cannot be sent must not hold up the others
            log.exception("a delivery could not be signed", extra={"delivery": job.delivery_id})
            self._unrecorded.append(self._failed(job, outcomes.NOT_SIGNED))

    def _turn(self, timeout: float) -> None:
        """Waits for exchanges to end, or for something to be recorded again, and records what can be."""
        pause = max(0.0, self._database_again_at - time.monotonic()) if self._unrecorded else timeout
        self._unrecorded += map(self._judge, self._sender.wait(min(timeout, pause)))
        if self._unrecorded and time.monotonic() >= self._database_again_at:
            self._record()

    def _judge(self, exchange: Exchange) -> Outcome:
        try:
            return outcomes.of_exchange(exchange, attempt_id=new_id("att"), jitter=_jitter(), now=datetime.now(UTC))
        except Exception:  # what one endpoint answers must not touch what others did
            log.exception("an answer could not be judged", extra={"delivery": exchange.token.delivery_id})
            return self._failed(exchange.token, "protocol: the answer could not be understood")

    def _failed(self, job: Job, error: str) -> Outcome:
        return outcomes.of_failure(job, error, attempt_id=new_id("att"), jitter=_jitter(), now=datetime.now(UTC))

    def _record(self) -> None:
        """Records what has ended; what cannot be recorded now is kept and tried again."""
        results = [outcome.result for outcome in self._unrecorded]
        gone = sorted({outcome.gone_endpoint for outcome in self._unrecorded if outcome.gone_endpoint})
        try:
            recorded = self._database.write(due.complete, results, gone, datetime.now(UTC))
        except SedifexError as failure:
            log.warning("outcomes wait to be recorded", extra={"cause": failure.reason, "count": len(results)})
            self._database_again_at = time.monotonic() + POLL_S
            return
        self._unrecorded.clear()
        self._claims -= Counter(result.lease_token for result in results)
        if recorded < len(results):
            log.warning("leases had run out", extra={"count": len(results) - recorded})

    def _give_back(self) -> None:
        if not self._claims:
            return
        try:
            self._database.read(due.release, list(self._claims))
        except SedifexError as failure:
            log.warning("leases stay until they run out", extra={"cause": failure.reason})


def _jitter() -> float:
    return random.random()  # noqa: S311 - it spreads load, it guards nothing
