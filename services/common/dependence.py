"""What hangs on secrets that a process does not have: told at its start, or nobody would know before a shop does."""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from services.common.database import BlockingDatabase, Database
from services.common.errors import SedifexError

log = logging.getLogger(__name__)

Counts = Mapping[int, Mapping[str, int]]
"""How much hangs on each version of a secret, by what it is."""


@dataclass(frozen=True)
class Dependence:
    """A list of secrets as this process has it, and how to find out what hangs on which."""

    setting: str
    """The name of the variable."""
    versions: Collection[int]
    count: Callable[[], Counts]

    async def warn(self, database: Database) -> None:
        """Warns of what does not work; a database that does not answer yet is no reason not to start."""
        try:
            self._tell(await database.read(self.count))
        except SedifexError as failure:
            self._give_up(failure)

    def warn_blocking(self, database: BlockingDatabase) -> None:
        """The same in a process of threads."""
        try:
            self._tell(database.read(self.count))
        except SedifexError as failure:
            self._give_up(failure)

    def _tell(self, counts: Counts) -> None:
        for version, hanging in sorted(counts.items()):
            if version not in self.versions:
                log.warning(
                    "the settings lack a secret: what hangs on it does not work",
                    extra={
                        "setting": self.setting,
                        "version": version,
                        "hanging": dict(hanging),
                        "remedy": "put that entry back, at the end of the list; if it is gone for good, "
                        "'sedifex secrets status' names what has to be made anew",
                    },
                )

    def _give_up(self, failure: SedifexError) -> None:
        log.warning(
            "what hangs on secrets could not be counted", extra={"setting": self.setting, "cause": failure.reason}
        )
