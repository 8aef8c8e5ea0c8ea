"""Records of the Keys service as messages of the contract, and messages as changes to records."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from sedifex.keys.v1 import keys_pb2

from services.common.ids import ids_of
from services.common.masks import chosen_fields
from services.common.times import from_timestamp, to_duration, to_timestamp
from services.keys.audit import Verification
from services.keys.audit_queries import AuditEntry, AuditFilter
from services.keys.barrier import Renewal
from services.keys.leases import LEASE_S
from services.keys.queries import Key, Secret, Use
from services.keys.states import is_live, state_of
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
        allowed_cidrs=key.allowed_cidrs,
        daily_uses=key.daily_uses,
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
        client_address=entry.client_address or "",
    )
    if entry.before is not None:
        message.before.update(json.loads(entry.before))
    if entry.after is not None:
        message.after.update(json.loads(entry.after))
    return message


def verification_message(found: Verification) -> keys_pb2.VerifyAuditEntriesResponse:
    """What a walk through the audit log has found, as clients see it."""
    return keys_pb2.VerifyAuditEntriesResponse(
        checked=found.checked,
        first_sequence=found.first_sequence,
        last_sequence=found.last_sequence,
        problems=found.problems,
    )


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
        last_use_address=secret.last_use_address,
        last_use_agent=secret.last_use_agent,
    )


# What each field of the message that can be changed means for the record.
_FIELDS: dict[str, Callable[[keys_pb2.Key], Any]] = {
    "display_name": lambda message: message.display_name,
    "scopes": lambda message: tuple(sorted(message.scopes)),
    "stores": lambda message: tuple(ids_of(store)[0] for store in message.stores),
    "allowed_cidrs": lambda message: tuple(message.allowed_cidrs),
    "expire_time": lambda message: from_timestamp(message.expire_time) if message.HasField("expire_time") else None,
}


def verdict_message(verdict: Verdict, now: datetime) -> keys_pb2.VerifyTokenResponse:
    """The verdict at `now` on a token that is accepted."""
    caller = verdict.caller
    ends, holds_until = caller.expire_time, verdict.holds_until or caller.expire_time
    return keys_pb2.VerifyTokenResponse(
        principal=caller.principal,
        audience=caller.audience,
        scopes=sorted(caller.scopes),
        stores=[f"stores/{store}" for store in sorted(caller.stores or ())],
        expire_time=to_timestamp(ends),
        epoch=verdict.epoch,
        valid_duration=to_duration(int((holds_until - now).total_seconds() * 1000)) if holds_until else None,
        secret=caller.credential_id,
        allowed_cidrs=map(str, caller.networks),
        suspended_stores=[f"stores/{store}" for store in sorted(caller.suspended)],
        roles=[
            keys_pb2.VerifyTokenResponse.StoreRole(store=f"stores/{store}", role=role)
            for store, role in caller.roles.items()
        ],
    )


def renewal_message(renewal: Renewal) -> keys_pb2.RenewLeaseResponse:
    """A lease that was extended, with the news."""
    return keys_pb2.RenewLeaseResponse(
        watcher=renewal.watcher,
        lease=to_duration(round(LEASE_S * 1000)),
        epoch=renewal.news.epoch,
        keys=renewal.news.principals,
        tokens_created=renewal.news.tokens_created,
    )


def secret_use(use: keys_pb2.RenewLeaseRequest.SecretUse) -> Use:
    """A use of a credential, as a watcher tells of it."""
    return Use(from_timestamp(use.use_time), use.client_address, use.client_agent, use.count or 1)
