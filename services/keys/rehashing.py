"""Moves digests to the first pepper, so that an older one can be dropped some day.

A digest cannot be made anew without the token, but whoever uses a token shows it: each verification that finds a digest
under another pepper notes how it is to be moved, and the notes are written together, some seconds later, as uses are.

A service that keeps a verdict in memory does not ask again, for as long as it runs. So for keys and sessions that are
in use and have not been moved it is told to: a few at a time, and only while there is more than one pepper.

Nothing depends on a note: what is lost, or locked when it was to be written, is noted when the token is next used.
"""

import logging
from collections.abc import Collection

from services.common.database import Database
from services.common.errors import SedifexError
from services.keys import leases, pepper_queries
from services.keys.digest import Digester, Kind, Outdated

log = logging.getLogger(__name__)

MAX_NOTED = 2_000
"""Between two writes."""
MAX_ASKED_AGAIN = 50
"""Keys and members at a time: every watcher asks for each of them once more."""


class Rehashing:
    """The digests that this process has found under a pepper that is not the first."""

    def __init__(self, database: Database, digester: Digester) -> None:
        self._database = database
        self._version = digester.version
        self._is_needed = len(digester.versions) > 1
        self._noted: dict[bytes, Outdated] = {}

    def note(self, found: Outdated) -> None:
        """Notes a digest that is to be moved."""
        if len(self._noted) < MAX_NOTED:
            self._noted[found.kept.value] = found

    async def flush(self, used: Collection[str]) -> None:
        """Moves what has been noted. `used`: ids of the credentials that have been used since the last time."""
        noted, self._noted = self._noted, {}
        if not self._is_needed or not (noted or used):
            return
        try:
            for kind in Kind:
                if wanted := [each for each in noted.values() if each.kind is kind]:
                    await self._database.read(pepper_queries.move, kind, wanted)
            if used:
                await self._database.write(_ask_again, used, self._version)
        except SedifexError as failure:
            log.warning("digests wait to be moved to another pepper", extra={"cause": failure.reason})


def _ask_again(used: Collection[str], version: int) -> None:
    """Has watchers forget their verdicts on what is used and not kept under the pepper of this version."""
    if principals := pepper_queries.find_outdated(used, version, MAX_ASKED_AGAIN):
        leases.invalidate(principals)
