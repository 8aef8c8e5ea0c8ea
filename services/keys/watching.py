"""What the Keys service does for those who keep verdicts under its lease: itself among them."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from sedifex.keys.v1 import keys_pb2

from services.common.access.verdicts import RENEW_DEADLINE_S, VERIFY_DEADLINE_S
from services.common.database import Database
from services.common.errors import Unavailable
from services.common.times import now
from services.keys import verification
from services.keys.barrier import Barrier
from services.keys.convert import renewal_message, secret_use, verdict_message
from services.keys.digest import Digester
from services.keys.rehashing import Rehashing
from services.keys.usage import Usage

T = TypeVar("T")


class Watching:
    """Answers watchers: whose a token is, and what has changed."""

    def __init__(
        self, database: Database, digester: Digester, barrier: Barrier, usage: Usage, rehashing: Rehashing
    ) -> None:
        self._database = database
        self._digester = digester
        self._barrier = barrier
        self._usage = usage
        self._rehashing = rehashing

    async def verify(self, token: str) -> keys_pb2.VerifyTokenResponse:
        """Whose token this is.

        Raises:
            Unauthenticated: nobody's; the metadata tells as of which epoch.
        """
        moment = now()
        verdict = await self._database.read(verification.verify_token, token, self._digester, moment)
        if verdict.outdated is not None:
            self._rehashing.note(verdict.outdated)
        return verdict_message(verdict, moment)

    async def renew(self, request: keys_pb2.RenewLeaseRequest, service: str) -> keys_pb2.RenewLeaseResponse:
        """Extends a lease of this service ("services/catalog") and tells of what has changed since."""
        for use in request.uses:
            self._usage.note(use.secret, secret_use(use))
        if request.leave:
            await self._barrier.leave(request.watcher)
            return keys_pb2.RenewLeaseResponse()
        wait = request.wait.ToMilliseconds() / 1000
        renewal = await self._barrier.renew(request.watcher, service, request.acknowledged_epoch, wait)
        return renewal_message(renewal)


class OwnSource:
    """The Keys service as its own door sees it: the same leases as everybody's, without the network."""

    def __init__(self, watching: Watching) -> None:
        self._watching = watching

    async def verify(self, token: str) -> keys_pb2.VerifyTokenResponse:
        """See `services.common.access.verdicts.Source`."""
        return await _within(VERIFY_DEADLINE_S, self._watching.verify(token))

    async def renew(self, request: keys_pb2.RenewLeaseRequest) -> keys_pb2.RenewLeaseResponse:
        """See `services.common.access.verdicts.Source`."""
        return await _within(RENEW_DEADLINE_S, self._watching.renew(request, "services/keys"))


async def _within(seconds: float, work: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        raise Unavailable("The database takes too long. Try again shortly.", retry_after=1) from None
