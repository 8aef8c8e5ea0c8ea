"""Where a key is in its life at a given moment. It is worked out, never kept, so no job has to run on time."""

from datetime import datetime, timedelta

from sedifex.keys.v1 import keys_pb2

from services.keys.queries import Key, Secret

EXPIRING_SOON = timedelta(days=7)

State = keys_pb2.Key.State


def state_of(key: Key, now: datetime) -> keys_pb2.Key.State.ValueType:
    """Where the key is in its life at `now`."""
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
    return not has_ended(key, now) and is_live(secret, now)


def has_ended(key: Key, now: datetime) -> bool:
    """Whether the key is over for good at `now`."""
    return state_of(key, now) in {State.STATE_REVOKED, State.STATE_EXPIRED}


def is_live(secret: Secret, now: datetime) -> bool:
    """Whether the secret itself has not ended at `now`."""
    return secret.end_time is None or secret.end_time > now


def old_secret(key: Key, now: datetime) -> Secret | None:
    """The secret that a rotation of the key replaces, while its overlap lasts."""
    return next((each for each in key.secrets if each.end_time is not None and is_live(each, now)), None)
