"""Rotation: a key gets a new secret and keeps its identity, while the old secret works on for an overlap.

The old secret's end is a moment in the row, judged at each call: no job has to run for it to end. Each secret shows
when it was last used, so one can see that the old one has fallen silent before ending the overlap.
"""

from dataclasses import replace
from datetime import timedelta

from services.common.access import token as token_format
from services.common.errors import AlreadyExists, FailedPrecondition
from services.keys import events, leases, queries
from services.keys.audit import Act
from services.keys.digest import Digester
from services.keys.lifecycle import open_key
from services.keys.queries import Key, Secret
from services.keys.states import old_secret

DEFAULT_OVERLAP = timedelta(hours=1)


def rotate_key(
    store_id: str,
    key_id: str,
    *,
    overlap: timedelta,
    token: str,
    request_id: str | None,
    digester: Digester,
    act: Act,
) -> Key:
    """Makes `token` the key's secret; the one that it had ends after `overlap`.

    Raises:
        NotFound: there is no such key.
        FailedPrecondition: it has ended, or an earlier rotation's overlap lasts.
        AlreadyExists: this request has rotated the key before. The secret cannot be shown again.
        PermissionDenied: the caller can do less than the key, or reaches less.
    """
    key = open_key(store_id, key_id, act)
    if request_id and queries.has_secret_of_request(key_id, request_id):
        raise AlreadyExists(
            "This request has rotated the key before; the new secret cannot be shown again. If it did not arrive, "
            "cancel the rotation and rotate again with another request_id.",
            metadata={"name": f"stores/{store_id}/keys/{key_id}"},
        )
    if old_secret(key, act.now) is not None:
        raise FailedPrecondition(
            "This key is being rotated: its old secret still works. Complete that rotation or cancel it first.",
            reason="ROTATION_UNDER_WAY",
        )
    digest = digester.new(token)
    queries.set_secret_ends({_lasting(key).id: act.now + overlap})
    secret = Secret(digest.value, token_format.hint(token), act.now)
    queries.insert_secret(key_id, secret, digest.pepper_version, request_id)
    return _changed(key, "key.rotated", act)


def complete_key_rotation(store_id: str, key_id: str, act: Act) -> Key:
    """Ends the overlap now: the old secret is refused from then on. One that has ended stays as it is.

    Raises:
        NotFound: there is no such key.
        FailedPrecondition: it has ended, or is not being rotated.
        PermissionDenied: the caller can do less than the key, or reaches less.
    """
    key = open_key(store_id, key_id, act)
    old, lasting = old_secret(key, act.now), _lasting(key)
    if old is None and any(each.create_time < lasting.create_time for each in key.secrets):
        return key  # a repeat, whose first answer may have been lost
    if old is None:
        raise _no_rotation()
    queries.set_secret_ends({old.id: act.now})
    return _changed(key, "key.rotationCompleted", act)


def cancel_key_rotation(store_id: str, key_id: str, act: Act) -> Key:
    """Takes a rotation back: the new secret is refused from now on, and the old one lasts again.

    A key whose last rotation was taken back stays as it is.

    Raises: as `complete_key_rotation`.
    """
    key = open_key(store_id, key_id, act)
    old, lasting = old_secret(key, act.now), _lasting(key)
    if old is None and any(each.create_time > lasting.create_time for each in key.secrets):
        return key  # a repeat, whose first answer may have been lost
    if old is None:
        raise _no_rotation()
    # The new one first: a key never has two that last.
    queries.set_secret_ends({lasting.id: act.now, old.id: None})
    return _changed(key, "key.rotationCancelled", act)


def _changed(key: Key, action: str, act: Act) -> Key:
    """The key as it is now, with its version moved on and the change recorded."""
    queries.update_key(replace(key, version=key.version + 1))
    found = queries.find_key(key.store_id, key.id)
    if found is None:
        raise LookupError(key.id)  # it is locked
    events.tell(act, action, key, found)
    # A new secret has come into being, too, where it was rotated.
    leases.invalidate([f"keys/{key.id}", leases.TOKENS])
    return found


def _lasting(key: Key) -> Secret:
    return next(each for each in key.secrets if each.end_time is None)


def _no_rotation() -> FailedPrecondition:
    return FailedPrecondition(
        "This key is not being rotated: it has one secret only. Rotate it first.", reason="NO_ROTATION"
    )
