"""Records of the Keys service as messages of the contract, and messages as changes to records."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from sedifex.keys.v1 import keys_pb2

from services.common.masks import chosen_fields
from services.common.times import from_timestamp, to_duration, to_timestamp
from services.keys.barrier import Confirmation, Renewal
from services.keys.leaks import Ending, Leak
from services.keys.leases import LEASE_S
from services.keys.lifecycle import is_live, state_of
from services.keys.queries import AuditEntry, AuditFilter, Key, Secret
from services.keys.verification import Verdict


def key_message(key: Key, now: datetime) -> keys_pb2.Key:
    """The key as clients see it at `now`."""
    # A rotation that was cancelled leaves a secret that has ended; nobody needs to see it.
    secrets = [secret for secret in key.secrets if is_live(secret, now)]
    return keys_pb2.Key(
        name=f"stores/{key.store_id}/keys/{key.id}",
        display_name=key.display_name,
        state=state_of(key, now),
        scopes=key.scopes,
        stores=[f"stores/{store}" for store in key.stores],
        expire_time=to_timestamp(key.expire_time),
        hint=secrets[0].hint,
        create_time=to_timestamp(key.create_time),
        creator=key.creator,
        revoke_time=to_timestamp(key.revoke_time),
        secrets=map(_secret_message, secrets),
        etag=key.etag,
    )


def key_values(message: keys_pb2.Key, mask: FieldMask) -> dict[str, Any]:
    """The values that a client wants changed, by the names of `Key`'s fields.

    Raises:
        InvalidArgument: the mask names something that cannot be changed.
    """
    return {name: _FIELDS[name](message) for name in chosen_fields(message, mask, _FIELDS)}


def audit_entry_message(entry: AuditEntry) -> keys_pb2.AuditEntry:
    """The entry as clients see it."""
    message = keys_pb2.AuditEntry(
        name=f"stores/{entry.store_id}/auditEntries/{entry.id}",
        sequence=entry.sequence,
        occur_time=to_timestamp(entry.occur_time),
        actor=entry.actor,
        action=entry.action,
        resource=entry.resource,
        request_id=entry.request_id,
        hash=entry.hash.hex(),
    )
    if entry.before is not None:
        message.before.update(json.loads(entry.before))
    if entry.after is not None:
        message.after.update(json.loads(entry.after))
    return message


def audit_filter(request: keys_pb2.ListAuditEntriesRequest) -> AuditFilter:
    """Which entries a client wants."""
    return AuditFilter(
        actor=request.actor,
        action=request.action,
        resource=request.resource,
        start_time=from_timestamp(request.start_time) if request.HasField("start_time") else None,
        end_time=from_timestamp(request.end_time) if request.HasField("end_time") else None,
    )


def _secret_message(secret: Secret) -> keys_pb2.Key.Secret:
    return keys_pb2.Key.Secret(
        hint=secret.hint,
        create_time=to_timestamp(secret.create_time),
        end_time=to_timestamp(secret.end_time),
        last_use_time=to_timestamp(secret.last_use_time),
    )


# What each field of the message that can be changed means for the record.
_FIELDS: dict[str, Callable[[keys_pb2.Key], Any]] = {
    "display_name": lambda message: message.display_name,
    "scopes": lambda message: tuple(sorted(message.scopes)),
    "expire_time": lambda message: from_timestamp(message.expire_time) if message.HasField("expire_time") else None,
}


def verdict_message(verdict: Verdict, now: datetime) -> keys_pb2.VerifyTokenResponse:
    """The verdict at `now` on a token that is accepted."""
    caller = verdict.caller
    ends = caller.expire_time
    return keys_pb2.VerifyTokenResponse(
        principal=caller.principal,
        audience=caller.audience,
        scopes=sorted(caller.scopes),
        stores=[f"stores/{store}" for store in sorted(caller.stores or ())],
        expire_time=to_timestamp(ends),
        epoch=verdict.epoch,
        valid_duration=to_duration(int((ends - now).total_seconds() * 1000)) if ends else None,
        secret=verdict.secret_id,
    )


def renewal_message(renewal: Renewal) -> keys_pb2.RenewLeaseResponse:
    """A lease that was extended, with the news."""
    return keys_pb2.RenewLeaseResponse(
        watcher=renewal.watcher,
        lease=to_duration(round(LEASE_S * 1000)),
        epoch=renewal.news.epoch,
        keys=[f"keys/{key_id}" for key_id in renewal.news.key_ids],
    )


def leaks_of(request: keys_pb2.ReportLeakedKeysRequest) -> list[Leak]:
    """What a client reports."""
    return [Leak(each.token, each.source, each.url) for each in request.leaks]


def endings_message(endings: Sequence[Ending], confirmed: Confirmation) -> keys_pb2.ReportLeakedKeysResponse:
    """What became of what was reported, in its order."""
    results = [
        keys_pb2.ReportLeakedKeysResponse.Result(
            outcome=each.outcome, name=each.name, hint=each.hint, state_before=each.state_before
        )
        for each in endings
    ]
    return keys_pb2.ReportLeakedKeysResponse(
        results=results,
        epoch=confirmed.epoch,
        acknowledged=confirmed.acknowledged,
        lapsed=confirmed.lapsed,
    )
