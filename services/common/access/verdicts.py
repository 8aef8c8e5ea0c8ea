"""Whose token is this? Asked for every call, answered by the Keys service."""

from typing import Protocol

import grpc
from sedifex.access.v1 import access_pb2
from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc

from services.common import errors, status
from services.common.access import token as token_format
from services.common.access.caller import Caller
from services.common.errors import Unauthenticated
from services.common.ids import ids_of
from services.common.times import from_timestamp

VERIFY_DEADLINE_S = 2.0


class Verdicts(Protocol):
    """A source of verdicts on tokens."""

    async def caller(self, token: str) -> Caller:
        """Whose token this is.

        Raises:
            Unauthenticated: nobody's, as of now.
            Unavailable: nobody can tell; the call must not pass.
        """


class RemoteVerdicts:
    """Asks the Keys service about each token, so that a revocation holds for the very next call."""

    def __init__(self, keys: "keys_pb2_grpc.KeysServiceAsyncStub") -> None:
        self._keys = keys

    async def caller(self, token: str) -> Caller:
        """See `Verdicts.caller`."""
        if token_format.kind_of(token) is None:
            raise not_accepted()
        try:
            verdict = await self._keys.VerifyToken(keys_pb2.VerifyTokenRequest(token=token), timeout=VERIFY_DEADLINE_S)
        except grpc.aio.AioRpcError as failure:
            if status.reason_of(failure) == errors.Unauthenticated.default_reason:
                raise not_accepted() from None
            raise status.to_error(failure) from failure
        operator = verdict.audience == access_pb2.AUDIENCE_OPERATOR
        stores = None if operator else frozenset(ids_of(name)[0] for name in verdict.stores)
        return Caller(
            verdict.principal,
            verdict.audience,
            frozenset(verdict.scopes),
            stores,
            from_timestamp(verdict.expire_time) if verdict.HasField("expire_time") else None,
        )


def not_accepted() -> Unauthenticated:
    """The one answer to every credential that is not accepted: which of the reasons it is would help a guesser."""
    return Unauthenticated(
        "This credential is not accepted. Check that the whole API key was copied and has not been revoked or expired."
    )
