"""Walks the audit log and says what is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.common.database import BlockingDatabase
from services.common.settings import DatabaseSettings
from services.keys import audit, audit_queries
from services.keys.audit_queries import AuditEntry
from services.keys.models import handle

PAGE = 1_000


@dataclass(frozen=True)
class Findings:
    """What a walk has found."""

    stores: int
    entries: int
    problems: list[str]


def verify(settings: DatabaseSettings, store: str | None) -> Findings:
    """Checks the chain of one store, by its id, or of all.

    Raises:
        SystemExit: the settings name no database.
        Unavailable: it cannot be reached.
    """
    url = settings.keys_database_url
    if url is None:
        raise SystemExit("Set SEDIFEX_KEYS_DATABASE_URL to the database of the Keys service.")
    with BlockingDatabase(handle, url.get_secret_value(), "audit") as database:
        stores = [store] if store else database.read(audit_queries.list_audited_stores)
        # A transaction a store, so that what is written meanwhile is either seen whole or not at all.
        found = [database.write(_verify_store, each) for each in stores]
    return Findings(len(stores), sum(count for count, _ in found), [text for _, texts in found for text in texts])


def _verify_store(store_id: str) -> tuple[int, list[str]]:
    """How many entries the store has, and what is wrong with them."""
    audit_queries.begin_snapshot()
    count = 0

    def entries() -> Iterator[AuditEntry]:
        nonlocal count
        after = 0
        while page := audit_queries.read_audit_chain(store_id, after, PAGE):
            count += len(page)
            yield from page
            after = page[-1].sequence

    problems = audit.verify_chain(entries(), audit_queries.find_audit_head(store_id))
    texts = [f"stores/{store_id}: {problem}" for problem in problems]
    return count, texts
