"""Verdicts kept in memory under a lease: a call costs no look-up, and a revoked key is refused at once all the same.

While the lease lasts, what is in memory is true: the Keys service confirms a revocation only when this watcher has
acknowledged it, or when its lease has run out. So:
- The lease counts from the moment at which its renewal was *sent*, by a clock that goes on while the machine sleeps,
  less a margin. When it has run out, nothing in memory counts and every call is refused (UNAVAILABLE) until there is
  one again.
- News is applied before it is acknowledged, and acknowledged by the next renewal.
- A verdict that was asked for may be older than news that came meanwhile: then it is thrown away and asked for again.
"""

import asyncio
import hashlib
import logging
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.access.v1 import access_pb2
from sedifex.keys.v1 import keys_pb2

from services.common import metrics
from services.common.access import token as token_format
from services.common.access.caller import Caller
from services.common.access.memory import Kept, Memory
from services.common.access.origin import Origin, parse_network
from services.common.access.refusals import Refusals
from services.common.access.verdicts import EPOCH, Source, not_accepted
from services.common.errors import Exhausted, SedifexError, Unauthenticated, Unavailable
from services.common.ids import ids_of
from services.common.times import boot_time, from_timestamp
from services.common.waiting import running, wait_within

log = logging.getLogger(__name__)

RENEW_WAIT_S = 1.0
LEAVE_DEADLINE_S = 1.0
MARGIN_S = 0.5
"""By how much a lease is taken to be shorter than it is: clocks do not run alike."""
FIRST_LEASE_S = 2.0
"""How long calls wait for the first lease of a process that has just started."""
LAPSED_S = 0.5
"""How long they wait for a new one when it has run out: as after a pause of the whole process."""
MAX_USES = 5_000
FILL_ATTEMPTS = 5

_Use = tuple[float, Origin, int]
"""When a credential was last used, from where, and how often since that was last told."""


@asynccontextmanager
async def leased_verdicts(source: Source, refused_per_minute: int) -> AsyncIterator["LeasedVerdicts"]:
    """Verdicts from the Keys service, under a lease that is kept while the context lasts."""
    verdicts = LeasedVerdicts(source, Refusals(refused_per_minute))
    try:
        async with running(verdicts.run()):
            yield verdicts
    finally:
        await verdicts.leave()


class LeasedVerdicts:
    """The verdicts of one process. `run` must be running for any call to pass."""

    def __init__(self, source: Source, refusals: Refusals) -> None:
        self._source = source
        self._refusals = refusals
        self._memory = Memory()
        self._watcher = ""
        self._epoch = 0
        self._lease_end = float("-inf")
        self._renewed = asyncio.Event()
        """Set by the next renewal; there is a new one for the one after."""
        self._uses: dict[str, _Use] = {}

    async def caller(self, token: str, origin: Origin) -> Caller:
        """Whose token this is; see `verdicts.Verdicts`."""
        now = boot_time()
        if now >= self._lease_end:
            await self._await_lease()
        digest = hashlib.sha256(token.encode()).digest()
        kept = self._memory.find(digest, now)
        if kept is not None:
            metrics.VERDICT_REMEMBERED.inc()
        else:
            kept = await self._learn(token, digest, origin)
        caller = kept.caller
        if caller.credential_id:
            seen = self._uses.get(caller.credential_id)
            if seen is not None or len(self._uses) < MAX_USES:
                self._uses[caller.credential_id] = (time.time(), origin, seen[2] + 1 if seen else 1)
        return caller

    async def run(self) -> None:
        """Keeps the lease and applies news, until cancelled."""
        while True:
            try:
                await self._renew()
                metrics.RENEWED.inc()
            except SedifexError as failure:
                metrics.NOT_RENEWED.inc()
                log.warning("the lease on verdicts is not renewed", extra={"cause": failure.reason})
                await asyncio.sleep(random.uniform(0.05, 0.2))  # noqa: S311 - jitter
            except Exception:
                metrics.NOT_RENEWED.inc()
                log.exception("the lease on verdicts is not renewed")
                await asyncio.sleep(1)

    async def _renew(self) -> None:
        sent, uses = boot_time(), self._uses
        self._uses = {}
        request = keys_pb2.RenewLeaseRequest(
            watcher=self._watcher,
            acknowledged_epoch=self._epoch,
            wait=Duration(seconds=int(RENEW_WAIT_S)),
            uses=[_use(credential, *use) for credential, use in uses.items()],
        )
        try:
            answer = await self._source.renew(request)
        except SedifexError:
            self._keep_uses(uses)
            raise
        if answer.watcher != self._watcher:
            self._memory.begin_anew(answer.epoch)
            self._epoch, self._watcher = answer.epoch, answer.watcher
        for principal in answer.keys:
            self._memory.end(principal, answer.epoch)
        if answer.tokens_created:
            self._memory.begin_tokens(answer.epoch)
        self._epoch = max(self._epoch, answer.epoch)
        # Last: while news was being applied, only the lease from before it counted.
        self._lease_end = sent + answer.lease.ToMilliseconds() / 1000 - MARGIN_S
        self._renewed.set()
        self._renewed = asyncio.Event()

    def _keep_uses(self, untold: dict[str, "_Use"]) -> None:
        """Keeps uses that could not be told of for the next renewal, within what one takes."""
        newer = self._uses
        for credential, use in untold.items():
            if credential in newer:
                moment, origin, count = newer[credential]
                newer[credential] = (moment, origin, count + use[2])
            elif len(newer) < MAX_USES:
                newer[credential] = use

    async def leave(self) -> None:
        """Gives the lease up, so that no revocation waits for a process that has gone. From then all is refused."""
        self._lease_end = float("-inf")
        request = keys_pb2.RenewLeaseRequest(watcher=self._watcher, acknowledged_epoch=self._epoch, leave=True)
        try:
            async with asyncio.timeout(LEAVE_DEADLINE_S):
                await self._source.renew(request)
        except (SedifexError, TimeoutError) as failure:
            log.warning("the lease on verdicts stays until it runs out", extra={"cause": type(failure).__name__})

    async def _await_lease(self) -> None:
        """Waits a little for a lease; refuses if there is none.

        Raises:
            Unavailable: nobody can tell what is true just now.
        """
        await wait_within(LAPSED_S if self._watcher else FIRST_LEASE_S, self._renewed)
        try:
            self._check_lease()
        except Unavailable:
            metrics.VERDICT_UNAVAILABLE.inc()
            raise

    def lease_left(self) -> float:
        """For how many seconds what is in memory still counts; 0: every call with a credential is refused."""
        return max(0.0, self._lease_end - boot_time())

    def _check_lease(self) -> None:
        if boot_time() >= self._lease_end:
            raise Unavailable("Credentials cannot be checked just now. Try again shortly.", retry_after=1)

    async def _learn(self, token: str, digest: bytes, origin: Origin) -> Kept:
        """The verdict on a token that is not remembered; what is refused counts against where it came from."""
        try:
            self._refusals.check(origin.address, boot_time())
        except Exhausted:
            metrics.VERDICT_THROTTLED.inc()
            raise
        try:
            if token_format.kind_of(token) is None or self._memory.is_unknown(digest, boot_time()):
                raise not_accepted()
            kept = await self._fill(token, digest)
        except Unauthenticated:
            metrics.VERDICT_REFUSED.inc()
            self._refusals.note(origin.address, boot_time())
            raise
        except Unavailable:
            metrics.VERDICT_UNAVAILABLE.inc()
            raise
        metrics.VERDICT_ASKED.inc()
        return kept

    async def _fill(self, token: str, digest: bytes) -> Kept:
        """Asks the Keys service, until the answer is not older than what has been heard meanwhile."""
        for _ in range(FILL_ATTEMPTS):
            sent = boot_time()
            try:
                verdict = await self._source.verify(token)
            except Unauthenticated as refusal:
                self._memory.keep_unknown(digest, int(refusal.metadata.get(EPOCH, "-1")), boot_time())
                raise not_accepted() from None
            self._check_lease()
            kept = _kept(verdict, sent)
            # Operators' tokens are few, and asked about each time.
            is_operator = verdict.audience == access_pb2.AUDIENCE_OPERATOR
            if is_operator or self._memory.keep(digest, kept, verdict.epoch):
                return kept
        raise Unavailable("This key is being changed. Try again shortly.", retry_after=1)


def _kept(verdict: keys_pb2.VerifyTokenResponse, sent: float) -> Kept:
    # Counted from when it was asked for, and by the length that Keys found: no clock is compared with another.
    lasts = verdict.valid_duration.ToMilliseconds() / 1000 if verdict.HasField("valid_duration") else float("inf")
    return Kept(_caller(verdict), sent + lasts)


def _caller(verdict: keys_pb2.VerifyTokenResponse) -> Caller:
    stores = frozenset(ids_of(name)[0] for name in verdict.stores)
    return Caller(
        principal=verdict.principal,
        audience=verdict.audience,
        scopes=frozenset(verdict.scopes),
        stores=None if verdict.audience == access_pb2.AUDIENCE_OPERATOR else stores,
        expire_time=from_timestamp(verdict.expire_time) if verdict.HasField("expire_time") else None,
        roles={ids_of(each.store)[0]: each.role for each in verdict.roles},
        suspended=frozenset(ids_of(name)[0] for name in verdict.suspended_stores),
        networks=tuple(map(parse_network, verdict.allowed_cidrs)),
        credential_id=verdict.secret,
    )


def _use(credential: str, moment: float, origin: Origin, count: int) -> keys_pb2.RenewLeaseRequest.SecretUse:
    stamp = Timestamp()
    stamp.FromMilliseconds(round(moment * 1000))
    return keys_pb2.RenewLeaseRequest.SecretUse(
        secret=credential, use_time=stamp, client_address=origin.address, client_agent=origin.agent, count=count
    )
