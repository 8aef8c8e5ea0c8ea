"""Whose token is this? Asked for every call, answered by the Keys service or what it has promised."""

from typing import Protocol

import grpc
from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc

from services.common import errors, status
from services.common.access.caller import Caller
from services.common.access.origin import Origin
from services.common.errors import Unauthenticated

VERIFY_DEADLINE_S = 2.0
RENEW_DEADLINE_S = 3.0

EPOCH = "epoch"
"""Under which name the Keys service tells another service as of which epoch a token is nobody's."""


class Verdicts(Protocol):
    """A source of verdicts on tokens."""

    async def caller(self, token: str, origin: Origin) -> Caller:
        """Whose token this is; `origin` is where it comes from.

        Raises:
            Unauthenticated: nobody's, as of now.
            Exhausted: too many that are nobody's have come from there.
            Unavailable: nobody can tell; the call must not pass.
        """


class Source(Protocol):
    """The Keys service, as who keeps verdicts under its lease sees it."""

    async def verify(self, token: str) -> keys_pb2.VerifyTokenResponse:
        """Whose token this is.

        Raises:
            Unauthenticated: nobody's; the metadata tells as of which epoch.
            Unavailable: nobody can tell.
        """

    async def renew(self, request: keys_pb2.RenewLeaseRequest) -> keys_pb2.RenewLeaseResponse:
        """Extends a lease, and tells what has changed.

        Raises:
            Unavailable: it is not extended.
        """


class RemoteSource:
    """The Keys service at the other end of a channel."""

    def __init__(self, keys: "keys_pb2_grpc.KeysServiceAsyncStub") -> None:
        self._keys = keys

    @classmethod
    def behind(cls, channel: grpc.aio.Channel) -> "RemoteSource":
        """The one behind this channel."""
        return cls(keys_pb2_grpc.KeysServiceStub(channel))

    async def verify(self, token: str) -> keys_pb2.VerifyTokenResponse:
        """See `Source`."""
        request = keys_pb2.VerifyTokenRequest(token=token)
        try:
            answer: keys_pb2.VerifyTokenResponse = await self._keys.VerifyToken(request, timeout=VERIFY_DEADLINE_S)
        except grpc.aio.AioRpcError as failure:
            info = status.info_of(failure)
            if info.reason == errors.Unauthenticated.default_reason:
                raise not_accepted(int(info.metadata.get(EPOCH, "0"))) from None
            raise status.to_error(failure) from failure
        return answer

    async def renew(self, request: keys_pb2.RenewLeaseRequest) -> keys_pb2.RenewLeaseResponse:
        """See `Source`."""
        try:
            answer: keys_pb2.RenewLeaseResponse = await self._keys.RenewLease(request, timeout=RENEW_DEADLINE_S)
        except grpc.aio.AioRpcError as failure:
            raise status.to_error(failure) from failure
        return answer


def not_accepted(epoch: int | None = None) -> Unauthenticated:
    """The one answer to every credential that is not accepted: which of the reasons it is would help a guesser.

    The Keys service tells other services as of which epoch.
    """
    return Unauthenticated(
        "This credential is not accepted. Check that the whole API key was copied and has not been revoked or expired.",
        metadata={} if epoch is None else {EPOCH: str(epoch)},
    )
