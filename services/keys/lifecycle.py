"""The life of an API key: how it begins, changes and ends, and what it is at a given moment."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sedifex.keys.v1 import keys_pb2

from services.common.access import token as token_format
from services.common.access.caller import Caller
from services.common.errors import (
    AlreadyExists,
    Conflict,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from services.common.paging import Page, PageRequest
from services.keys import audit, leases, queries
from services.keys.audit import Act
from services.keys.digest import Digester
from services.keys.queries import Key, Secret, StateFilter

EXPIRING_SOON = timedelta(days=7)

State = keys_pb2.Key.State


def state_of(key: Key, now: datetime) -> keys_pb2.Key.State.ValueType:
    """Where the key is in its life at `now`. It is worked out, never kept, so no job has to run on time."""
    if key.revoke_time is not None:
        return State.STATE_REVOKED
    if key.expire_time is not None and key.expire_time <= now:
        return State.STATE_EXPIRED
    if old_secret(key, now) is not None:
        return State.STATE_ROTATING
    if key.expire_time is not None and key.expire_time < now + EXPIRING_SOON:
        return State.STATE_EXPIRING_SOON
    return State.STATE_ACTIVE


def is_accepted(key: Key, secret: Secret, now: datetime) -> bool:
    """Whether calls with this secret of the key pass at `now`."""
    return state_of(key, now) not in {State.STATE_REVOKED, State.STATE_EXPIRED} and is_live(secret, now)


def is_live(secret: Secret, now: datetime) -> bool:
    """Whether the secret itself has not ended at `now`."""
    return secret.end_time is None or secret.end_time > now


def old_secret(key: Key, now: datetime) -> Secret | None:
    """The secret that a rotation of the key replaces, while its overlap lasts."""
    return next((each for each in key.secrets if each.end_time is not None and is_live(each, now)), None)


def create_key(
    *,
    key_id: str,
    store_id: str,
    display_name: str,
    scopes: Sequence[str],
    expire_time: datetime | None,
    request_id: str | None,
    token: str,
    digester: Digester,
    act: Act,
) -> Key:
    """Makes a key whose secret is `token`, of which only the digest is kept.

    Raises:
        PermissionDenied: the creator is an integration, and the key would be able to do more than it, or longer.
        AlreadyExists: this request has made a key before. Its secret cannot be shown again.
    """
    key = Key(
        id=key_id,
        store_id=store_id,
        display_name=display_name,
        scopes=tuple(sorted(scopes)),
        stores=(store_id,),
        creator=act.caller.principal,
        create_time=act.now,
        expire_time=expire_time,
        revoke_time=None,
    )
    check_gives_no_more_than_it_has(act.caller, key)
    if not queries.insert_key(key, request_id):
        raise _made_before(store_id, queries.find_key_by_request(store_id, request_id or ""))
    digest = digester.new(token)
    secret = Secret(digest.value, token_format.hint(token), act.now)
    queries.insert_secret(key_id, secret, digest.pepper_version, None)
    key = replace(key, secrets=(secret,))
    audit.record(act, "key.created", None, key)
    return key


def get_key(store_id: str, key_id: str) -> Key:
    """The key of this id in this store.

    Raises:
        NotFound: there is none.
    """
    return _found(queries.find_key(store_id, key_id), store_id, key_id)


def list_keys(store_id: str, state: keys_pb2.Key.State.ValueType, request: PageRequest, now: datetime) -> Page[Key]:
    """A page of the store's keys, newest first; of those in one state at `now` if one is named."""
    wanted = StateFilter(state, now, now + EXPIRING_SOON) if state else None
    rows = queries.list_keys(store_id, wanted, request.after, request.limit)
    return request.page(rows, lambda key: [key.id])


def update_key(store_id: str, key_id: str, values: Mapping[str, Any], etag_wanted: str, act: Act) -> Key:
    """Changes a key; `values` go by the names of `Key`'s fields. A change that changes nothing leaves it as it is.

    Raises:
        NotFound: there is none.
        FailedPrecondition: it has ended.
        Conflict: it is no longer what `etag_wanted` says.
        InvalidArgument: it would have no name or no scope, or have expired already.
        PermissionDenied: the caller is an integration, and the key could do more than it, before or after.
    """
    key = open_key(store_id, key_id, act)
    if etag_wanted and etag_wanted != key.etag:
        raise Conflict(
            "Somebody has changed this key since you read it. Read it again, then repeat your change.",
            reason="ETAG_MISMATCH",
        )
    wanted = replace(key, **values)
    if not wanted.display_name.strip():
        raise InvalidArgument.field("key.display_name", "must not be empty")
    if not wanted.scopes:
        raise InvalidArgument.field("key.scopes", "must name one at least; revoke the key if it may do nothing")
    if wanted.expire_time is not None and wanted.expire_time <= act.now:
        raise InvalidArgument.field("key.expire_time", "must lie in the future; revoke the key to end it now")
    check_gives_no_more_than_it_has(act.caller, wanted)
    if wanted == key:
        return key
    changed = replace(wanted, version=key.version + 1)
    queries.update_key(changed)
    leases.invalidate(key_id)
    audit.record(act, "key.updated", key, changed)
    return changed


def revoke_key(store_id: str, key_id: str, act: Act) -> Key:
    """Ends a key for good; a key that has been revoked stays as it is.

    Raises:
        NotFound: there is none.
    """
    key = _found(queries.lock_key(store_id, key_id), store_id, key_id)
    return key if key.revoke_time is not None else end_key(key, act)


def end_key(key: Key, act: Act, circumstances: Mapping[str, object] | None = None) -> Key:
    """Ends a key, which must be locked, for good; `circumstances` go into the record beside what the key then is."""
    revoked = replace(key, revoke_time=act.now, version=key.version + 1)
    queries.update_key(revoked)
    leases.invalidate(key.id)
    audit.record(act, "key.revoked", key, revoked, circumstances)
    return revoked


def open_key(store_id: str, key_id: str, act: Act) -> Key:
    """The key, locked, for a change.

    Raises:
        NotFound: there is none.
        FailedPrecondition: it has ended.
        PermissionDenied: the caller is an integration that can do less than the key.
    """
    key = _found(queries.lock_key(store_id, key_id), store_id, key_id)
    check_gives_no_more_than_it_has(act.caller, key)
    if state_of(key, act.now) in {State.STATE_REVOKED, State.STATE_EXPIRED}:
        raise FailedPrecondition("This key has ended. Create another one.", reason="KEY_ENDED")
    return key


def check_gives_no_more_than_it_has(caller: Caller, key: Key) -> None:
    """Lets an integration make and change only keys that can do no more than itself.

    Or whoever has a key for keys could make one for everything, to stay when theirs has ended, or take over another
    one by rotating it.

    Raises:
        PermissionDenied: the key has a scope that the caller lacks, or lasts longer.
    """
    if not caller.is_integration:
        return
    beyond = sorted(set(key.scopes) - caller.scopes)
    if beyond:
        raise PermissionDenied(
            f"This API key cannot give what it does not have: {', '.join(beyond)}.",
            reason="SCOPE_MISSING",
            metadata={"scope": beyond[0]},
        )
    if caller.expire_time is not None and (key.expire_time is None or key.expire_time > caller.expire_time):
        raise PermissionDenied(
            f"This API key ends at {caller.expire_time.isoformat()} and cannot manage one that lasts longer.",
            reason="EXPIRY_TOO_LATE",
        )


def _found(key: Key | None, store_id: str, key_id: str) -> Key:
    if key is None:
        raise NotFound(f"There is no key stores/{store_id}/keys/{key_id}.", reason="KEY_NOT_FOUND")
    return key


def _made_before(store_id: str, key_id: str) -> AlreadyExists:
    name = f"stores/{store_id}/keys/{key_id}"
    return AlreadyExists(
        f"This request has made {name} before, whose secret cannot be shown again. "
        "If the secret did not arrive, revoke that key and create one with another request_id.",
        metadata={"name": name},
    )
