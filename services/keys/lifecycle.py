"""The life of an API key: how it begins and ends, and what it is at a given moment."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sedifex.keys.v1 import keys_pb2

from services.common.access import token as token_format
from services.common.access.caller import Caller
from services.common.errors import AlreadyExists, NotFound, PermissionDenied
from services.common.paging import Page, PageRequest
from services.keys import queries
from services.keys.digest import Digester
from services.keys.queries import Key

EXPIRING_SOON = timedelta(days=7)

State = keys_pb2.Key.State


def state_of(key: Key, now: datetime) -> keys_pb2.Key.State.ValueType:
    """Where the key is in its life at `now`. It is worked out, never kept, so no job has to run on time."""
    if key.revoke_time is not None:
        return State.STATE_REVOKED
    if key.expire_time is None:
        return State.STATE_ACTIVE
    if key.expire_time <= now:
        return State.STATE_EXPIRED
    return State.STATE_EXPIRING_SOON if key.expire_time - now < EXPIRING_SOON else State.STATE_ACTIVE


def is_accepted(key: Key, now: datetime) -> bool:
    """Whether calls with the key's secret pass at `now`."""
    return state_of(key, now) not in {State.STATE_REVOKED, State.STATE_EXPIRED}


def create_key(
    *,
    key_id: str,
    store_id: str,
    display_name: str,
    scopes: Sequence[str],
    expire_time: datetime | None,
    creator: Caller,
    request_id: str | None,
    token: str,
    digester: Digester,
    now: datetime,
) -> Key:
    """Makes a key whose secret is `token`, of which only the digest is kept.

    Raises:
        PermissionDenied: the creator is an integration, and the key would be able to do more than it, or longer.
        AlreadyExists: this request has made a key before. Its secret cannot be shown again.
    """
    if creator.is_integration:
        _check_gives_no_more_than_it_has(creator, scopes, expire_time)
    key = Key(
        id=key_id,
        store_id=store_id,
        display_name=display_name,
        scopes=tuple(sorted(scopes)),
        stores=(store_id,),
        creator=creator.principal,
        hint=token_format.hint(token),
        create_time=now,
        expire_time=expire_time,
        revoke_time=None,
    )
    if not queries.insert_key(key, digester.new(token), request_id):
        raise _made_before(store_id, queries.find_key_by_request(store_id, request_id or ""))
    return key


def get_key(store_id: str, key_id: str) -> Key:
    """The key of this id in this store.

    Raises:
        NotFound: there is none.
    """
    key = queries.find_key(store_id, key_id)
    if key is None:
        raise NotFound(f"There is no key stores/{store_id}/keys/{key_id}.", reason="KEY_NOT_FOUND")
    return key


def list_keys(store_id: str, request: PageRequest) -> Page[Key]:
    """A page of the store's keys, newest first."""
    return request.page(queries.list_keys(store_id, request.after, request.limit), lambda key: [key.id])


def revoke_key(store_id: str, key_id: str, now: datetime) -> Key:
    """Ends a key for good; a key that has been revoked stays as it is.

    Raises:
        NotFound: there is none.
    """
    queries.revoke_key(get_key(store_id, key_id).id, now)
    return get_key(store_id, key_id)


def _check_gives_no_more_than_it_has(creator: Caller, scopes: Sequence[str], expire_time: datetime | None) -> None:
    """Or whoever has a key for keys could make one for everything, to stay when theirs has ended."""
    beyond = sorted(set(scopes) - creator.scopes)
    if beyond:
        raise PermissionDenied(
            f"This API key cannot give what it does not have: {', '.join(beyond)}.",
            reason="SCOPE_MISSING",
            metadata={"scope": beyond[0]},
        )
    if creator.expire_time is not None and (expire_time is None or expire_time > creator.expire_time):
        raise PermissionDenied(
            f"This API key ends at {creator.expire_time.isoformat()} and cannot make one that lasts longer. "
            "Set expire_time to that or earlier.",
            reason="EXPIRY_TOO_LATE",
        )


def _made_before(store_id: str, key_id: str) -> AlreadyExists:
    name = f"stores/{store_id}/keys/{key_id}"
    return AlreadyExists(
        f"This request has made {name} before, whose secret cannot be shown again. "
        "If the secret did not arrive, revoke that key and create one with another request_id.",
        metadata={"name": name},
    )
