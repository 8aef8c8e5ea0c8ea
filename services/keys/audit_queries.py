"""The SQL of the audit log: each chain's entries and its end. It answers frozen records, no peewee models."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from services.common.paging import Position
from services.keys.models import AuditEntryRow, AuditHeadRow, handle


@dataclass(frozen=True)
class AuditEntry:
    """An entry of the audit log."""

    store_id: str
    sequence: int
    id: str
    occur_time: datetime
    actor: str
    action: str
    resource: str
    request_id: str
    before: str | None
    """JSON."""
    after: str | None
    """JSON."""
    previous_hash: bytes
    hash: bytes
    client_address: str | None = None
    """None: an entry from before addresses were recorded."""


@dataclass(frozen=True)
class AuditFilter:
    """Which entries are wanted; what is empty or None does not matter."""

    actor: str = ""
    action: str = ""
    resource: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    """The moment before which."""


def lock_audit_head(store_id: str, beginning: bytes) -> tuple[int, bytes]:
    """The sequence and hash at the end of the store's chain, locked until the transaction ends.

    Before the first entry they are 0 and `beginning`; the row is made then, so that two first ones wait for each other.
    """
    AuditHeadRow.insert(store_id=store_id, sequence=0, hash=beginning).on_conflict_ignore().execute()
    row = AuditHeadRow.select().where(AuditHeadRow.store_id == store_id).for_update().get()
    return row.sequence, bytes(row.hash)


def find_audit_head(store_id: str) -> tuple[int, bytes] | None:
    """The sequence and hash at the end of the store's chain; None if it has none."""
    row = AuditHeadRow.select().where(AuditHeadRow.store_id == store_id).first()
    return (row.sequence, bytes(row.hash)) if row else None


def append_audit_entry(entry: AuditEntry, entry_hash: bytes) -> None:
    """Adds an entry and moves the end of the chain on to it; the end must be locked."""
    AuditEntryRow.insert(**asdict(replace(entry, hash=entry_hash))).execute()
    AuditHeadRow.update(sequence=entry.sequence, hash=entry_hash).where(
        AuditHeadRow.store_id == entry.store_id
    ).execute()


def list_audit_entries(store_id: str, wanted: AuditFilter, after: Position | None, limit: int) -> list[AuditEntry]:
    """The store's entries that pass the filter, newest first, from behind `after` ([sequence]) on."""
    query = AuditEntryRow.select().where(AuditEntryRow.store_id == store_id)
    for name in ("actor", "action", "resource"):
        if value := getattr(wanted, name):
            query = query.where(getattr(AuditEntryRow, name) == value)
    if wanted.start_time is not None:
        query = query.where(AuditEntryRow.occur_time >= wanted.start_time)
    if wanted.end_time is not None:
        query = query.where(AuditEntryRow.occur_time < wanted.end_time)
    if after is not None:
        query = query.where(AuditEntryRow.sequence < after[0])
    return _audit_entries(query.order_by(AuditEntryRow.sequence.desc()).limit(limit))


def read_audit_chain(store_id: str, after: int, limit: int) -> list[AuditEntry]:
    """The store's entries in the order of the chain, from behind this sequence on."""
    query = AuditEntryRow.select().where(AuditEntryRow.store_id == store_id, AuditEntryRow.sequence > after)
    return _audit_entries(query.order_by(AuditEntryRow.sequence).limit(limit))


def begin_snapshot() -> None:
    """Lets this transaction see the database as it is now: what is written meanwhile is not seen by halves."""
    handle.execute_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


def list_audited_stores() -> list[str]:
    """Ids of all stores that have entries or should have."""
    stores = AuditHeadRow.select(AuditHeadRow.store_id).union(AuditEntryRow.select(AuditEntryRow.store_id))
    return sorted(row.store_id for row in stores)


def _audit_entries(query: Any) -> list[AuditEntry]:
    return [
        AuditEntry(**row | {"previous_hash": bytes(row["previous_hash"]), "hash": bytes(row["hash"])})
        for row in query.dicts()
    ]
