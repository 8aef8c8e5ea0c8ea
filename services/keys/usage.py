"""When each credential was last used, and how often each key a day: noted in memory, written in batches, only forward.

A write for every request would cost more than the request. What a process that is killed has not written is lost, some
seconds of it; nothing is decided by it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from services.common.database import Database
from services.common.errors import SedifexError
from services.common.waiting import running
from services.keys import queries
from services.keys.membership.queries import note_session_uses
from services.keys.pepper_queries import SESSION
from services.keys.queries import Use
from services.keys.rehashing import Rehashing

log = logging.getLogger(__name__)

FLUSH_S = 2.0
MAX_NOTED = 50_000
"""Credentials whose use is remembered between two writes; what goes beyond is not noted until the next."""


class Usage:
    """The uses that this process has seen since it last wrote them."""

    def __init__(self, database: Database, rehashing: Rehashing) -> None:
        self._database = database
        self._rehashing = rehashing
        self._seen: dict[str, Use] = {}

    def note(self, credential_id: str, use: Use) -> None:
        """Notes a use of the secret or session of this id."""
        known = self._seen.get(credential_id)
        if known is not None:
            self._seen[credential_id] = _together(known, use)
        elif len(self._seen) < MAX_NOTED:
            self._seen[credential_id] = use

    async def flush(self) -> None:
        """Writes what has been noted; what cannot be written now is kept for the next time."""
        seen, self._seen = self._seen, {}
        try:
            if seen:
                await self._database.read(_write, seen)
        except SedifexError as failure:
            log.warning("uses wait to be written", extra={"cause": failure.reason, "count": len(seen)})
            newer, self._seen = self._seen, seen
            for credential_id, use in newer.items():
                self.note(credential_id, use)
        await self._rehashing.flush(seen)

    @asynccontextmanager
    async def noting(self) -> AsyncIterator[None]:
        """Writes now and then while the context lasts, and what is left at its end."""
        async with running(self._run()):
            yield
        await self.flush()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            try:
                await self.flush()
            except Exception:
                log.exception("uses could not be written")


def _together(one: Use, other: Use) -> Use:
    """The later of two uses, for as often as both."""
    return replace(max(one, other, key=lambda each: each.time), count=one.count + other.count)


def _write(uses: Mapping[str, Use]) -> None:
    """Sessions have ids like "ses_…", secrets of keys have UUIDs."""
    of_sessions = {name: use for name, use in uses.items() if name.startswith(SESSION)}
    of_secrets = {name: use for name, use in uses.items() if name not in of_sessions}
    # What is counted comes last: if it cannot be written, all of it is written once more.
    if of_sessions:
        note_session_uses(of_sessions)
    if of_secrets:
        queries.note_uses(of_secrets)
