"""What is in the services' databases and hangs on their secrets: counted, named, and sealed again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.common.database import BlockingDatabase
from services.common.dependence import Counts
from services.common.resealing import Outcome, Rows, reseal
from services.common.settings import SecretsSettings, VersionedSecret
from services.common.vault import Vault
from services.keys import pepper_queries
from services.keys.models import handle as keys_handle
from services.keys.pepper_queries import Hanging
from services.webhooks import seal_queries
from services.webhooks.models import handle as webhooks_handle

LATELY = timedelta(minutes=1)


@dataclass(frozen=True)
class Stand:
    """What hangs on the secrets of one setting."""

    setting: str
    versions: Sequence[int]
    """Those of the setting, first the one that makes what is new."""
    counts: Counts

    @property
    def outdated(self) -> list[int]:
        """The versions that something hangs on and that do not make what is new."""
        return sorted(version for version in self.counts if version != self.versions[0])


@dataclass(frozen=True)
class Sealing:
    """Secrets at rest of one kind: where they are, and the keys that open them."""

    setting: str
    what: str
    keys: Sequence[VersionedSecret]
    database: BlockingDatabase
    rows: Rows

    @property
    def version(self) -> int:
        """Of the key that seals."""
        return self.keys[0].version

    def count_outdated(self) -> int:
        """How many are sealed under another key than the first."""
        counts = self.database.read(self.rows.count)
        return sum(count for version, count in counts.items() if version != self.version)

    def reseal(self, tell: Callable[[Outcome], None]) -> Outcome:
        """Seals again under the first key; see `services.common.resealing`."""
        return reseal(self.database, self.rows, Vault(self.keys), tell)

    def stand(self) -> Stand:
        """What hangs on which key."""
        found = self.database.read(self.rows.count)
        counts = {version: {self.what: count} for version, count in found.items()}
        return Stand(self.setting, [each.version for each in self.keys], counts)


@dataclass(frozen=True)
class Peppered:
    """Digests of tokens: where they are, and the peppers that they were made with."""

    peppers: Sequence[VersionedSecret]
    database: BlockingDatabase

    def stand(self) -> Stand:
        """What hangs on which pepper."""
        counts = self.database.read(pepper_queries.count_peppered, datetime.now(UTC))
        return Stand("SEDIFEX_TOKEN_PEPPERS", [each.version for each in self.peppers], counts)

    def count_used_lately(self, version: int) -> dict[str, int]:
        """How much of what moves when it is used has been used within the last minute, and has not moved."""
        now = datetime.now(UTC)
        return self.database.read(pepper_queries.count_used, version, now - LATELY, now)

    def name(self, version: int, limit: int) -> list[Hanging]:
        """Who would be refused without this version: keys, those used last first, then operators, then members.

        So many of each at most.
        """
        read = self.database.read
        return [
            *read(pepper_queries.list_keys_on, version, datetime.now(UTC), limit),
            *read(pepper_queries.list_operators_on, version, limit),
            *read(pepper_queries.list_members_on, version, limit),
        ]


@contextmanager
def opened(settings: SecretsSettings) -> Iterator[tuple[Peppered | None, list[Sealing]]]:
    """What hangs on secrets in the databases that are named, while the context lasts."""
    peppered, sealings = None, []
    with ExitStack() as stack:
        if settings.keys_database_url and settings.token_peppers and settings.member_secret_keys:
            url, keys = settings.keys_database_url.get_secret_value(), settings.member_secret_keys
            database = stack.enter_context(BlockingDatabase(keys_handle, url, "secrets"))
            peppered = Peppered(settings.token_peppers, database)
            what = "secrets for one-time codes"
            sealings.append(Sealing("SEDIFEX_MEMBER_SECRET_KEYS", what, keys, database, pepper_queries.SEALED))
        if settings.webhooks_database_url and settings.webhook_secret_keys:
            url, keys = settings.webhooks_database_url.get_secret_value(), settings.webhook_secret_keys
            database = stack.enter_context(BlockingDatabase(webhooks_handle, url, "secrets"))
            what = "signing secrets"
            sealings.append(Sealing("SEDIFEX_WEBHOOK_SECRET_KEYS", what, keys, database, seal_queries.SEALED))
        yield peppered, sealings
