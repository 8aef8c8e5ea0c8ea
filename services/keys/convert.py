"""Records of the Keys service as messages of the contract."""

from datetime import datetime

from sedifex.keys.v1 import keys_pb2

from services.common.access.caller import Caller
from services.common.times import to_timestamp
from services.keys.lifecycle import state_of
from services.keys.queries import Key


def key_message(key: Key, now: datetime) -> keys_pb2.Key:
    """The key as clients see it at `now`."""
    return keys_pb2.Key(
        name=f"stores/{key.store_id}/keys/{key.id}",
        display_name=key.display_name,
        state=state_of(key, now),
        scopes=key.scopes,
        stores=[f"stores/{store}" for store in key.stores],
        expire_time=to_timestamp(key.expire_time),
        hint=key.hint,
        create_time=to_timestamp(key.create_time),
        creator=key.creator,
        revoke_time=to_timestamp(key.revoke_time),
    )


def verdict_message(caller: Caller) -> keys_pb2.VerifyTokenResponse:
    """The verdict on a token that is accepted."""
    return keys_pb2.VerifyTokenResponse(
        principal=caller.principal,
        audience=caller.audience,
        scopes=sorted(caller.scopes),
        stores=[f"stores/{store}" for store in sorted(caller.stores or ())],
        expire_time=to_timestamp(caller.expire_time),
    )
