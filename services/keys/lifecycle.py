"""The life of an API key: how it begins, changes and ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sedifex.keys.v1 import keys_pb2

from services.common.access import token as token_format
from services.common.errors import AlreadyExists, Conflict, FailedPrecondition, InvalidArgument, NotFound
from services.common.paging import Page, PageRequest
from services.keys import audit, events, leases, queries, reach
from services.keys.audit import NO_CIRCUMSTANCES, Act
from services.keys.digest import Digester
from services.keys.queries import Key, Secret, StateFilter
from services.keys.states import EXPIRING_SOON, has_ended

MAX_KEYS = 200
"""In a store, that have not ended."""


@dataclass(frozen=True)
class NewKey:
    """A key that somebody wants."""

    store_id: str
    display_name: str
    scopes: Sequence[str]
    stores: Sequence[str] = ()
    """Ids of further stores that it is to reach."""
    allowed_cidrs: Sequence[str] = ()
    expire_time: datetime | None = None
    request_id: str | None = None


def create_key(key_id: str, wanted: NewKey, token: str, digester: Digester, act: Act) -> Key:
    """Makes a key whose secret is `token`, of which only the digest is kept.

    Raises:
        InvalidArgument: it has no name, or what is to be a network is none.
        PermissionDenied: the key would be able to do more than its creator, reach further, or last longer.
        FailedPrecondition: the stores have no owner in common, or the store has as many keys as it may.
        AlreadyExists: this request has made a key before. Its secret cannot be shown again.
    """
    key = Key(
        id=key_id,
        store_id=wanted.store_id,
        display_name=_name(wanted.display_name, "display_name"),
        scopes=tuple(sorted(wanted.scopes)),
        stores=reach.stores_of(wanted.store_id, wanted.stores),
        creator=act.caller.principal,
        create_time=act.now,
        expire_time=wanted.expire_time,
        revoke_time=None,
        allowed_cidrs=reach.canonical_networks(wanted.allowed_cidrs, "allowed_cidrs"),
    )
    reach.check_gives_no_more_than_it_has(act.caller, key)
    # Before whatever is looked at: who owns a store, and how many keys it has, stay as they are until the commit.
    audit.hold(key.stores)
    reach.check_one_owner(key.stores)
    digest = digester.new(token)
    secret = Secret(digest.value, token_format.hint(token), act.now)
    if not queries.insert_key(key, wanted.request_id):
        raise _made_before(key.store_id, queries.find_key_by_request(key.store_id, wanted.request_id or ""))
    if queries.count_keys(key.store_id, act.now) > MAX_KEYS:
        raise FailedPrecondition(
            f"A store may have {MAX_KEYS} keys. Revoke one that is no longer used.", reason="TOO_MANY_KEYS"
        )
    queries.insert_secret(key_id, secret, digest.pepper_version, None)
    key = replace(key, secrets=(secret,))
    events.tell(act, "key.created", None, key)
    leases.announce_token()
    return key


def get_key(store_id: str, key_id: str, now: datetime) -> Key:
    """The key of this id in this store, with its uses until `now`.

    Raises:
        NotFound: there is none.
    """
    key = _found(queries.find_key(store_id, key_id), store_id, key_id)
    return replace(key, daily_uses=queries.read_daily_uses([key_id], now.date()).get(key_id, ()))


def count_uses(store_id: str, now: datetime) -> list[tuple[datetime, int]]:
    """How often the keys that reach a store were used, by the hour: the last 24, the oldest first."""
    current = now.replace(minute=0, second=0, microsecond=0)
    hours = [current - timedelta(hours=ago) for ago in range(queries.HOURS_OF_USE - 1, -1, -1)]
    return list(zip(hours, queries.read_hourly_uses(store_id, hours), strict=True))


def list_keys(store_id: str, state: keys_pb2.Key.State.ValueType, request: PageRequest, now: datetime) -> Page[Key]:
    """A page of the store's keys, newest first; of those in one state at `now` if one is named."""
    wanted = StateFilter(state, now, now + EXPIRING_SOON) if state else None
    rows = queries.list_keys(store_id, wanted, request.after, request.limit)
    uses = queries.read_daily_uses([key.id for key in rows], now.date())
    return request.page([replace(key, daily_uses=uses.get(key.id, ())) for key in rows], lambda key: [key.id])


def update_key(store_id: str, key_id: str, values: Mapping[str, Any], etag_wanted: str, act: Act) -> Key:
    """Changes a key; `values` go by the names of `Key`'s fields. A change that changes nothing leaves it as it is.

    Raises:
        NotFound: there is none.
        Conflict: it is no longer what `etag_wanted` says.
        InvalidArgument: it would have no name, no scope or no sound network, or have expired already.
        FailedPrecondition: it has ended, or its stores would have no owner in common.
        PermissionDenied: the key could do more than the caller, or reach further, before or after.
    """
    key = open_key(store_id, key_id, act)
    if etag_wanted and etag_wanted != key.etag:
        raise Conflict(
            "Somebody has changed this key since you read it. Read it again, then repeat your change.",
            reason="ETAG_MISMATCH",
        )
    # As in `create_key`; the stores that it reached are held as well, or two changes could wait for each other.
    audit.hold({*key.stores, *values.get("stores", ()), store_id})
    wanted = _checked(replace(key, **values), act)
    if wanted == key:
        return key
    changed = replace(wanted, version=key.version + 1, expiry_told=_still_told(key, wanted))
    queries.update_key(changed)
    events.tell(act, "key.updated", key, changed)
    leases.invalidate([f"keys/{key_id}"])
    return changed


def revoke_key(store_id: str, key_id: str, act: Act) -> Key:
    """Ends a key for good; a key that has been revoked stays as it is.

    Raises:
        NotFound: there is none.
    """
    key = _found(queries.lock_key(store_id, key_id), store_id, key_id)
    return key if key.revoke_time is not None else end_key(key, act)


def end_key(key: Key, act: Act, circumstances: Mapping[str, object] = NO_CIRCUMSTANCES) -> Key:
    """Ends a key, which must be locked, for good; `circumstances` go into the record beside what the key then is."""
    revoked = replace(key, revoke_time=act.now, version=key.version + 1)
    queries.update_key(revoked)
    events.tell(act, "key.revoked", key, revoked, circumstances)
    leases.invalidate([f"keys/{key.id}"])
    return revoked


def open_key(store_id: str, key_id: str, act: Act) -> Key:
    """The key, locked, for a change.

    Raises:
        NotFound: there is none.
        FailedPrecondition: it has ended.
        PermissionDenied: the caller can do less than the key, or reaches less.
    """
    key = _found(queries.lock_key(store_id, key_id), store_id, key_id)
    reach.check_gives_no_more_than_it_has(act.caller, key)
    if has_ended(key, act.now):
        raise FailedPrecondition("This key has ended. Create another one.", reason="KEY_ENDED")
    return key


def _checked(key: Key, act: Act) -> Key:
    """The key as it would be after a change, if it may be so."""
    if not key.scopes:
        raise InvalidArgument.field("key.scopes", "must name one at least; revoke the key if it may do nothing")
    if key.expire_time is not None and key.expire_time <= act.now:
        raise InvalidArgument.field("key.expire_time", "must lie in the future; revoke the key to end it now")
    sound = replace(
        key,
        display_name=_name(key.display_name, "key.display_name"),
        stores=reach.stores_of(key.store_id, key.stores),
        allowed_cidrs=reach.canonical_networks(key.allowed_cidrs, "key.allowed_cidrs"),
    )
    reach.check_gives_no_more_than_it_has(act.caller, sound)
    reach.check_one_owner(sound.stores)
    return sound


def _still_told(before: Key, after: Key) -> str:
    """How far the end has been told of: a new end has yet to be."""
    return before.expiry_told if before.expire_time == after.expire_time else ""


def _name(text: str, field: str) -> str:
    if not text.strip():
        raise InvalidArgument.field(field, "must not be empty")
    return text


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
