"""Suspending a store: no key and no member reaches it, until it is resumed."""

from services.keys import audit, leases, queries
from services.keys.audit import Act, Deed


def suspend_store(store_id: str, reason: str, act: Act) -> None:
    """Suspends a store; one that is suspended stays as it is."""
    # Before anything: a key that is being made for this store is either listed below or finds it suspended.
    audit.hold([store_id])
    if queries.insert_suspension(store_id, reason, act.now):
        _changed(store_id, act, Deed("store.suspended", f"stores/{store_id}", None, {"reason": reason}))


def resume_store(store_id: str, act: Act) -> None:
    """Ends a suspension; a store that is not suspended stays as it is."""
    audit.hold([store_id])
    reason = queries.delete_suspension(store_id)
    if reason is not None:
        _changed(store_id, act, Deed("store.resumed", f"stores/{store_id}", {"reason": reason}, None))


def _changed(store_id: str, act: Act, deed: Deed) -> None:
    audit.record(act, store_id, deed)
    leases.invalidate(queries.list_principals(store_id))
