"""Password hashes: argon2id, on threads of their own.

The parameters are the second recommendation of RFC 9106, section 4: 64 MiB, three passes, four lanes. It is meant for
machines that have no 2 GiB to spare for each hash, as ours have not, and costs whoever has stolen the hashes several
times what OWASP's least one (19 MiB, two passes) does. Whoever signs in waits about a tenth of a second.

A hash keeps a processor busy for that long, so it must run neither on the event loop nor on the database's threads: a
flood of sign-ins slows down signing in, and nothing else. Two at once take 128 MiB.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Self, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from services.common.errors import Unavailable
from services.keys.membership import passwords

THREADS = 2
MAX_WAITING = 40
"""How many may wait, some four seconds' worth; more are refused at once: their callers would have given up."""

T = TypeVar("T")


class Hashing:
    """Makes and checks hashes of passwords."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
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
