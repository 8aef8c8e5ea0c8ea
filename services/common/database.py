"""PostgreSQL for synchronous domain code: one connection a thread, no wait without a limit.

A server hands a function to `Database.read` or `Database.write` and awaits it; it runs on one of a fixed set of
threads, on that thread's connection, which peewee's models find by themselves. A connection that PostgreSQL has dropped
is replaced before anything is lost.
"""

import asyncio
import contextvars
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

import peewee
import psycopg2
from playhouse.migrations import Runner
from psycopg2.errors import (
    DeadlockDetected,
    DiskFull,
    LockNotAvailable,
    QueryCanceled,
    ReadOnlySqlTransaction,
    SerializationFailure,
    UntranslatableCharacter,
)
from psycopg2.extensions import parse_dsn

from services.common import metrics
from services.common.errors import InvalidArgument, Unavailable

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 3
STATEMENT_TIMEOUT_MS = 10_000
LOCK_TIMEOUT_MS = 5_000
PING_S = 2.0
WAITING_PER_THREAD = 64
"""How many calls may wait for each thread. More are refused at once: their callers would have given up."""

# Models raise peewee's, statements on a cursor psycopg2's.
DRIVER_ERRORS = (peewee.PeeweeException, psycopg2.Error)

_MIGRATION_LOCK = 0x5EDF1E0

P = ParamSpec("P")
T = TypeVar("T")


class BlockingDatabase:
    """The database of one service, for threads: each thread that comes gets a connection of its own.

    `handle` is the peewee database that the service's models are bound to, `url` a libpq URL or conninfo string.
    """

    def __init__(self, handle: peewee.PostgresqlDatabase, url: str, application: str) -> None:
        self.handle = handle
        self._connections: set[Any] = set()
        self._lock = threading.Lock()
        bind(handle, url, application)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        """Closes every connection. No thread may be at work on one any more."""
        self.handle.close()
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def read(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work` without a transaction: for single statements, which need no BEGIN and COMMIT.

        Raises:
            Unavailable: PostgreSQL cannot be reached or takes too long.
        """
        return self._attempt(lambda: work(*args, **kwargs), transaction=False)

    def write(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work` in one transaction, committed when it returns and rolled back when it raises.

        Raises:
            Unavailable: as for `read`, or the connection broke before the commit was confirmed.
        """
        return self._attempt(lambda: work(*args, **kwargs), transaction=True)

    def _attempt(self, work: Callable[[], T], *, transaction: bool) -> T:
        """Runs `work`, once more if the connection turns out to have been dead before anything was done on it."""
        fresh = self._connect()
        try:
            with ExitStack() as stack:
                try:
                    if not transaction:
                        return work()
                    stack.enter_context(self.handle.atomic())
                except DRIVER_ERRORS:
                    # A BEGIN that failed did nothing, and PostgreSQL did not live to finish a single statement.
                    if fresh or not self._is_broken():
                        raise
                    self._disconnect()
                    return self._attempt(work, transaction=transaction)
                return work()
        except (*DRIVER_ERRORS, ValueError) as failure:
            translated = self._translate(failure)
            if translated is failure:
                raise
            raise translated from failure

    def _translate(self, failure: Exception) -> Exception:
        if self._is_broken():
            self._disconnect()
            metrics.DATABASE_FAILURES.labels("broken").inc()
            log.warning("the connection to PostgreSQL broke", extra={"cause": type(failure).__name__})
            return Unavailable("The database went away in the middle of this. Try again shortly.", retry_after=1)
        cause = _driver_error(failure)
        if isinstance(cause, QueryCanceled | LockNotAvailable):
            metrics.DATABASE_FAILURES.labels("timeout").inc()
            return Unavailable("The database took too long over this. Try again shortly.", retry_after=2)
        if isinstance(cause, DeadlockDetected | SerializationFailure | ReadOnlySqlTransaction | DiskFull):
            metrics.DATABASE_FAILURES.labels("refused").inc()
            log.error("PostgreSQL refused a statement", extra={"cause": type(cause).__name__})
            return Unavailable("The database could not take this just now. Try again shortly.", retry_after=2)
        # Looked for here, where it costs nothing: PostgreSQL keeps no text with a NUL in it, and nobody means one.
        if isinstance(cause, UntranslatableCharacter) or (isinstance(cause, ValueError) and "NUL" in str(cause)):
            return InvalidArgument("Text must not hold the character U+0000. Remove it.", reason="NUL_IN_TEXT")
        return failure

    def _connect(self) -> bool:
        """Makes sure that this thread has a connection; True if it is a new one."""
        if not self.handle.is_closed():
            return False
        try:
            self.handle.connect()
        except peewee.OperationalError as failure:
            metrics.DATABASE_FAILURES.labels("unreachable").inc()
            log.warning("PostgreSQL cannot be reached", extra={"cause": str(failure).strip()})
            raise Unavailable("The database cannot be reached. Try again shortly.", retry_after=1) from failure
        with self._lock:
            self._connections.add(self.handle.connection())
        return True

    def _disconnect(self) -> None:
        with self._lock:
            self._connections.discard(self.handle.connection())
        self.handle.close()

    def _is_broken(self) -> bool:
        return bool(self.handle.is_closed() or self.handle.connection().closed)


class Database:
    """The same for an asyncio server: the work runs on a fixed set of threads."""

    def __init__(self, handle: peewee.PostgresqlDatabase, url: str, threads: int, application: str) -> None:
        self._blocking = BlockingDatabase(handle, url, application)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"{application}-db")
        self.threads = threads
        self._limit = threads * (1 + WAITING_PER_THREAD)
        self._in_hand = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        """Waits for the work in hand and closes every connection."""
        self._pool.shutdown(wait=True)
        self._blocking.__exit__()

    async def read(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See `BlockingDatabase.read`; raises Unavailable also when too many calls wait."""
        return await self._submit(lambda: self._blocking.read(work, *args, **kwargs))

    async def write(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See `BlockingDatabase.write`; raises Unavailable also when too many calls wait."""
        return await self._submit(lambda: self._blocking.write(work, *args, **kwargs))

    @property
    def calls(self) -> int:
        """How many calls are on a connection or wait for one."""
        return self._in_hand

    async def answers(self) -> bool:
        """Whether PostgreSQL answers, and soon."""
        try:
            async with asyncio.timeout(PING_S):
                await self.read(self._blocking.handle.execute_sql, "SELECT 1")
        except (TimeoutError, Unavailable):
            return False
        except Exception:
            log.exception("PostgreSQL answers oddly")
            return False
        return True

    async def _submit(self, work: Callable[[], T]) -> T:
        if self._in_hand >= self._limit:
            metrics.DATABASE_REFUSED.inc()
            raise Unavailable("Too many requests wait for the database. Try again shortly.", retry_after=1)
        self._in_hand += 1
        context = contextvars.copy_context()  # so that log lines of the thread carry the request id
        future = self._pool.submit(context.run, work)
        # Counted until the thread is done with it, even if the caller has gone: it is the thread that is scarce. What
        # no thread has begun when its caller goes is dropped.
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: self._count_down(loop))
        return await asyncio.wrap_future(future)

    def _count_down(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody counts any more
            loop.call_soon_threadsafe(self._done)

    def _done(self) -> None:
        self._in_hand -= 1


def violated_constraint(failure: Exception) -> str:
    """The name of the constraint that a statement would have broken; empty if the driver does not say."""
    return getattr(getattr(_driver_error(failure), "diag", None), "constraint_name", None) or ""


def _driver_error(failure: Exception) -> object:
    """What psycopg2 raised: peewee's exceptions keep it as `orig`, not as their cause."""
    return getattr(failure, "orig", failure)


def bind(handle: peewee.PostgresqlDatabase, url: str, application: str) -> None:
    """Points `handle` at `url`, with a limit on every wait. Connects nothing yet."""
    options = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS}"
    given = parse_dsn(url)
    parts = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": f"sedifex-{application}",
        # A server that vanishes without a word is noticed by the connection itself, well before TCP gives up.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
        **given,
        # The limits come first, so that a URL with options of its own can change them, but not drop them unawares.
        "options": f"{options} {given.get('options', '')}".strip(),
    }
    handle.init(parts.pop("dbname"), **parts)


def migrate(handle: peewee.PostgresqlDatabase, directory: Path) -> list[str]:
    """Applies the migrations that are missing, in order, and names them. Safe to run from several places at once."""
    with _connected(handle):
        # Waiting for another migration, and rebuilding a table, may take what they take.
        handle.execute_sql("SET statement_timeout = 0; SET lock_timeout = 0")
        handle.execute_sql("SELECT pg_advisory_lock(%s)", (_MIGRATION_LOCK,))
        applied: list[str] = Runner(handle, str(directory)).up()
    return applied


def check_migrated(handle: peewee.PostgresqlDatabase, directory: Path) -> None:
    """Refuses to start on a database that lacks migrations, or cannot be reached.

    Raises:
        SystemExit: it does; the message says what to do.
    """
    with _connected(handle):
        pending = [each.name for each in Runner(handle, str(directory)).status() if not each.applied]
    if pending:
        raise SystemExit(
            f"The database {handle.database} lacks {len(pending)} migration(s), first {pending[0]}. "
            "Run 'sedifex migrate'."
        )


@contextmanager
def _connected(handle: peewee.PostgresqlDatabase) -> Iterator[None]:
    """A connection while the context lasts, for what runs before there are users to tell.

    Raises:
        SystemExit: there is none to be had; libpq's words say why, and hold no password.
    """
    try:
        handle.connect()
    except peewee.OperationalError as failure:
        raise SystemExit(f"The database {handle.database} cannot be reached: {str(failure).strip()}") from None
    try:
        yield
    finally:
        handle.close()
