"""Password hashes: argon2id, on threads of their own.

The parameters are those of OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, one lane. RFC 9106's second
recommendation (64 MiB, three passes, four lanes) costs whoever has stolen the hashes three times as much, and a machine
with two processors as well: it keeps all of them busy for a fifth of a second, and whoever floods it with sign-ins
takes them from everything else that runs there. Online nobody gets far with guessing (see `limits`); against theft,
length does more than a factor of three.

A hash keeps a processor busy, so it must run neither on the event loop nor on the database's threads: a flood of
sign-ins slows down signing in, and nothing else. Two at once take 38 MiB.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Self, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.common.errors import Unavailable
from services.keys.membership import passwords

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
"""When one of these changes, each hash is renewed at its member's next sign-in."""
THREADS = 2
MAX_WAITING = 60
"""How many may wait, some two seconds' worth; more are refused at once: their callers would have given up."""

T = TypeVar("T")


class Hashing:
    """Makes and checks hashes of passwords."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
        self._in_hand = 0
        self._nobodys = self._hasher.hash("nobody's")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        """Waits for the work in hand."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """The hash of a password, with its parameters and salt, as argon2 writes it ("$argon2id$…").

        Raises:
            Unavailable: too many wait.
        """
        return await self._submit(lambda: self._hasher.hash(passwords.normalise(password)))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Whether this is the password of a hash. None: there is no account; that takes as long to find out.

        Raises:
            Unavailable: too many wait.
        """
        right = await self._submit(lambda: self._is_right(kept or self._nobodys, passwords.normalise(password)))
        return right and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(kept)

    def _is_right(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _submit(self, work: Callable[[], T]) -> T:
        if self._in_hand >= THREADS + MAX_WAITING:
            raise Unavailable("Too many are signing in just now. Try again shortly.", retry_after=2)
        self._in_hand += 1
        loop = asyncio.get_running_loop()
        future = self._pool.submit(work)
        # Counted until the thread is done with it, even if the caller has gone: it is the thread that is scarce.
        future.add_done_callback(lambda _: self._count_down(loop))
        return await asyncio.wrap_future(future)

    def _count_down(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody counts any more
            loop.call_soon_threadsafe(self._done)

    def _done(self) -> None:
        self._in_hand -= 1
