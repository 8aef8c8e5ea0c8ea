"""What happens to keys, told to whoever has to know: the audit log, and the shop's webhooks where they ask for it."""

import json
from collections.abc import Mapping

from google.protobuf.json_format import MessageToDict

from services.common.outbox import OutboxEvent
from services.keys import audit
from services.keys.audit import NO_CIRCUMSTANCES, Act
from services.keys.audit_queries import AuditEntry
from services.keys.convert import key_message
from services.keys.models import outbox
from services.keys.queries import Key

PUBLISHED = frozenset({"key.created", "key.rotated", "key.expiring", "key.expired", "key.revoked"})
"""What webhooks can tell of; the rest is in the audit log only."""


def tell(
    act: Act, action: str, before: Key | None, after: Key, circumstances: Mapping[str, object] = NO_CIRCUMSTANCES
) -> None:
    """Records what happened to a key, in each store that it reaches. Wants the transaction of the change itself.

    `circumstances` are for the audit log; see `audit.record_key`.
    """
    entries = audit.record_key(act, action, before, after, circumstances)
    if action in PUBLISHED:
        outbox.insert([_event(entry, before, after, act) for entry in entries])


def _event(entry: AuditEntry, before: Key | None, after: Key, act: Act) -> OutboxEvent:
    data = {
        "keyId": after.id,
        "before": MessageToDict(key_message(before, act.now)) if before else None,
        "after": MessageToDict(key_message(after, act.now)),
    }
    return OutboxEvent(
        event_id=f"evt_{entry.id.partition('_')[2]}",  # an entry tells of one event: their ids go together
        store_id=entry.store_id,
        type=entry.action,
        sequence=entry.sequence,
        occur_time=act.now,
        data=json.dumps(data, ensure_ascii=False, separators=(",", ":")),
    )
