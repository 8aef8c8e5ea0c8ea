"""Works on the imports that wait, one at a time in this process; the lease of each keeps other processes off it."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.catalog import import_queries, imports
from services.catalog.import_queries import CHANNEL, Job
from services.catalog.import_run import LEASE_S, MAX_ATTEMPTS, ImportRun, LostError
from services.catalog.importing.text import UnreadableError
from services.catalog.products import Occasion
from services.common.database import Database
from services.common.errors import SedifexError
from services.common.ids import new_id
from services.common.notifications import Listener
from services.common.times import now
from services.common.waiting import wait_within

log = logging.getLogger(__name__)

POLL_S = 1.0
"""How often to look without having been told: for a lease that has run out, or a notification that was lost."""
BACKOFF_S = 2.0
TIDY_S = 600.0
TIDY_LIMIT = 200
_OUR_FAULT = (
    "Something went wrong on our side, and this file could not be taken over any further. What was taken over before "
    "stays. Try again later, or send the file to Sedifex's support."
)


@asynccontextmanager
async def running_imports(database: Database, url: str) -> AsyncIterator[None]:
    """Works on imports while the context lasts; `url` is their database's, to hear of new ones."""
    runner = Runner(database, new_id("runner"))
    loop = asyncio.get_running_loop()
    listener = Listener(url, CHANNEL, lambda: loop.call_soon_threadsafe(runner.wake))
    running = asyncio.create_task(runner.run())
    listener.start()
    try:
        yield
    finally:
        await asyncio.to_thread(listener.stop)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class Runner:
    """The runner of one process; `holder` tells it from the others."""

    def __init__(self, database: Database, holder: str) -> None:
        self._database = database
        self._holder = holder
        self._wake = asyncio.Event()
        self._tidied = 0.0

    def wake(self) -> None:
        """Tells the runner that an import may wait. On the runner's event loop only."""
        self._wake.set()

    async def run(self) -> None:
        """Works until cancelled. Whatever happens to an import, the next one has its turn."""
        while True:
            await wait_within(POLL_S, self._wake)
            self._wake.clear()
            try:
                await self._tidy_up()
                while await self.run_next():
                    pass
            except SedifexError as failure:
                log.warning("imports wait", extra={"cause": failure.reason})
                await self._pause()
            except Exception:
                log.exception("imports wait")
                await self._pause()

    async def run_next(self) -> bool:
        """Takes up an import and works on it until it ends; False if none waits.

        Raises:
            Unavailable: the database could not be reached; the import goes on from where it was.
        """
        job = await self._database.read(import_queries.claim_job, self._holder, LEASE_S, now())
        if job is None:
            return False
        run = ImportRun(job)
        log.info("import", extra={"import": job.id, "store": job.store_id, "from": job.wish_count})
        try:
            await self._work(job, run)
        except LostError:
            log.info("import lost", extra={"import": job.id})
        except BaseException:
            run.stop()
            await self._give_up(job)
            raise
        return True

    async def _work(self, job: Job, run: ImportRun) -> None:
        if job.attempt_count > MAX_ATTEMPTS:
            log.error("import given up", extra={"import": job.id, "store": job.store_id})
            await self._database.write(run.fail, _OUR_FAULT, now())
            return
        try:
            findings = await self._database.read(run.look_through)
            await self._database.write(run.keep_findings, findings)
            while wishes := await self._database.read(run.next_wishes):
                occasion = Occasion(now(), lambda: new_id("evt"))
                await self._database.write(run.apply, wishes, occasion, lambda: new_id("prod"))
            await self._database.write(run.finish, now())
        except UnreadableError as problem:
            await self._database.write(run.fail, str(problem), now())

    async def _give_up(self, job: Job) -> None:
        try:
            await self._database.read(import_queries.give_up_lease, job)
        except SedifexError as failure:
            log.warning("an import's lease stays until it runs out", extra={"cause": failure.reason})

    async def _pause(self) -> None:
        await asyncio.sleep(random.uniform(0.5, 1) * BACKOFF_S)  # noqa: S311 - jitter
        self._wake.set()

    async def _tidy_up(self) -> None:
        if self._tidied and time.monotonic() - self._tidied < TIDY_S:
            return
        await self._database.write(imports.tidy_up, now(), TIDY_LIMIT)
        self._tidied = time.monotonic()
