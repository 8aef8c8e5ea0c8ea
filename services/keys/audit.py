"""The audit log: who did what to which key, when, in a chain that shows every change made behind its back.

Each store has a chain of its own. An entry carries the hash of the one before it and a hash over itself and that, and
is written in the transaction of what it tells of. The database refuses to change or remove entries; whoever gets round
that is found out by `verify_chain`.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from services.common.access.caller import Caller
from services.common.paging import Page, PageRequest
from services.keys import audit_queries
from services.keys.audit_queries import AuditEntry, AuditFilter
from services.keys.queries import Key

BEGINNING = bytes(32)
"""What stands for the hash before the first entry of a chain."""
MAX_CHECKED = 10_000
"""Entries that are looked at in one call: some tenths of a second."""
MAX_PROBLEMS = 20
NO_CIRCUMSTANCES: Mapping[str, object] = {}


@dataclass(frozen=True)
class Act:
    """Somebody doing something at a moment: what an entry needs to know beside what was done."""

    caller: Caller
    now: datetime
    request_id: str
    new_entry_id: Callable[[], str]
    address: str = ""
    """From where; empty: by Sedifex itself."""


@dataclass(frozen=True)
class Deed:
    """What was done to what. `before` and `after` hold no secret; None: it was not there."""

    action: str
    resource: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def record(act: Act, store_id: str, deed: Deed) -> AuditEntry:
    """Adds an entry to the chain of a store. Wants the transaction of what it tells of."""
    sequence, previous = audit_queries.lock_audit_head(store_id, BEGINNING)
    entry = AuditEntry(
        store_id=store_id,
        sequence=sequence + 1,
        id=act.new_entry_id(),
        # PostgreSQL keeps microseconds, as Python does: the hash is over what will be read.
        occur_time=act.now.astimezone(UTC),
        actor=act.caller.principal,
        action=deed.action,
        resource=deed.resource,
        request_id=act.request_id,
        client_address=act.address,
        before=_text(deed.before),
        after=_text(deed.after),
        previous_hash=previous,
        hash=b"",
    )
    audit_queries.append_audit_entry(entry, hash_of(entry))
    return entry


def record_key(
    act: Act, action: str, before: Key | None, after: Key, circumstances: Mapping[str, object] = NO_CIRCUMSTANCES
) -> list[AuditEntry]:
    """The same for a key, in the chain of each store that it reaches or reached.

    `circumstances` stand beside the fields of `after`, under names of their own, and must hold no secret.
    """
    name = f"stores/{after.store_id}/keys/{after.id}"
    deed = Deed(action, name, _view(before) if before else None, _view(after) | dict(circumstances))
    # In one order everywhere, so that two keys of the same stores cannot wait for each other.
    return [record(act, store_id, deed) for store_id in sorted({*after.stores, *(before.stores if before else ())})]


def hold(store_ids: Iterable[str]) -> None:
    """Makes this transaction the only one to change the keys of these stores, until it ends."""
    for store_id in sorted(store_ids):
        audit_queries.lock_audit_head(store_id, BEGINNING)


def list_entries(store_id: str, wanted: AuditFilter, request: PageRequest) -> Page[AuditEntry]:
    """A page of the store's entries that pass the filter, newest first."""
    rows = audit_queries.list_audit_entries(store_id, wanted, request.after, request.limit)
    return request.page(rows, lambda entry: [entry.sequence])


def hash_of(entry: AuditEntry) -> bytes:
    """SHA-256 over the entry's fields and the hash before it, as JSON with sorted names and no spaces."""
    told = {
        "storeId": entry.store_id,
        "sequence": entry.sequence,
        "id": entry.id,
        "occurTime": entry.occur_time.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": entry.actor,
        "action": entry.action,
        "resource": entry.resource,
        "requestId": entry.request_id,
        "before": entry.before,
        "after": entry.after,
        "previousHash": entry.previous_hash.hex(),
    }
    if entry.client_address is not None:  # entries from before addresses were recorded know of none
        told["clientAddress"] = entry.client_address
    canonical = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).digest()


@dataclass(frozen=True)
class Verification:
    """What a walk through a store's chain has found."""

    checked: int
    first_sequence: int
    """Of the first entry that was looked at; 0: there is none."""
    last_sequence: int
    """That the chain should end with; 0: it has not begun."""
    problems: tuple[str, ...]


def verify_newest(store_id: str) -> Verification:
    """Walks the newest MAX_CHECKED entries of a store. Wants a transaction of its own."""
    audit_queries.begin_snapshot()
    head = audit_queries.find_audit_head(store_id)
    last = head[0] if head else 0
    start = max(0, last - MAX_CHECKED)
    before = audit_queries.read_audit_chain(store_id, start - 1, 1) if start else []
    anchor = (
        (start, before[0].hash) if before and before[0].sequence == start else (start, None if start else BEGINNING)
    )
    entries = audit_queries.read_audit_chain(store_id, start, MAX_CHECKED)
    problems = tuple(islice(verify_chain(entries, head, anchor), MAX_PROBLEMS))
    return Verification(len(entries), entries[0].sequence if entries else 0, last, problems)


def verify_chain(
    entries: Iterable[AuditEntry], head: tuple[int, bytes] | None, after: tuple[int, bytes | None] = (0, BEGINNING)
) -> Iterator[str]:
    """What is wrong with a store's chain, in plain words; nothing if it is whole.

    `entries` are all of them, by sequence; `head` is the sequence and hash that the last one should have. Where only
    the last ones are looked at, `after` is the sequence and hash of the one before them (None: it is missing).
    """
    sequence, previous = after
    for entry in entries:
        if entry.sequence > sequence + 1:
            yield _missing(sequence + 1, entry.sequence - 1)
        if hash_of(entry) != entry.hash:
            yield f"entry {entry.sequence} ({entry.id}) has been changed"
        elif entry.sequence == sequence + 1 and entry.previous_hash != previous:
            yield f"entry {entry.sequence} ({entry.id}) does not follow the one before it; one of them is not genuine"
        sequence, previous = entry.sequence, entry.hash
    expected, expected_hash = head or (0, BEGINNING)
    if expected > sequence:
        yield _missing(sequence + 1, expected)
    elif expected < sequence:
        yield f"entries {expected + 1} to {sequence} have been inserted"
    elif previous != expected_hash:
        yield f"entry {sequence} is not the one that was written last"


def _missing(first: int, last: int) -> str:
    return f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"


def _view(key: Key) -> dict[str, Any]:
    """The key for the record: what one may see of it, hence no secret and no digest."""
    return {
        "displayName": key.display_name,
        "scopes": list(key.scopes),
        "stores": list(key.stores),
        "allowedCidrs": list(key.allowed_cidrs),
        "expireTime": _moment(key.expire_time),
        "revokeTime": _moment(key.revoke_time),
        "secrets": [{"hint": each.hint, "endTime": _moment(each.end_time)} for each in key.secrets],
    }


def _text(view: Mapping[str, Any] | None) -> str | None:
    return None if view is None else json.dumps(view, ensure_ascii=False)


def _moment(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None
