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
from dataclasses import dataclass

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from sedifex.access.v1 import access_pb2
from sedifex.keys.v1 import keys_pb2, keys_pb2_grpc

from services.common import errors, status
from services.common.access import token as token_format
from services.common.access.caller import Caller
from services.common.access.verdicts import not_accepted
from services.common.errors import Unavailable
from services.common.ids import ids_of
from services.common.times import from_timestamp
from services.common.waiting import wait_within

log = logging.getLogger(__name__)

VERIFY_DEADLINE_S = 2.0
RENEW_WAIT_S = 1.0
RENEW_DEADLINE_S = 3.0
LEAVE_DEADLINE_S = 1.0
MARGIN_S = 0.5
"""By how much a lease is taken to be shorter than it is: clocks do not run alike."""
FIRST_LEASE_S = 2.0
"""How long calls wait for the first lease of a process that has just started."""
MAX_KEPT = 50_000
MAX_ENDED = 10_000
MAX_USES = 5_000
FILL_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class _Kept:
    """A verdict in memory."""

    caller: Caller
    secret: str
    until: float
    """By the watcher's clock."""


@asynccontextmanager
async def leased_verdicts(keys: grpc.aio.Channel) -> AsyncIterator["LeasedVerdicts"]:
    """Verdicts from the Keys service behind this channel, under a lease that is kept while the context lasts."""
    verdicts = LeasedVerdicts(keys_pb2_grpc.KeysServiceStub(keys))
    running = asyncio.create_task(verdicts.run())
    try:
        yield verdicts
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await verdicts.leave()


class LeasedVerdicts:
    """The verdicts of one process. `run` must be running for any call to pass."""

    def __init__(self, keys: "keys_pb2_grpc.KeysServiceAsyncStub") -> None:
        self._keys = keys
        self._watcher = ""
        self._epoch = 0
        self._lease_end = float("-inf")
        self._leased = asyncio.Event()
        self._kept: dict[bytes, _Kept] = {}
        self._tokens: dict[str, set[bytes]] = {}
        """By principal: what to drop when it changes."""
        self._ended: dict[str, int] = {}
        """Epochs of changes, by principal: verdicts from before do not count."""
        self._floor = 0
        """Verdicts of an epoch before this one do not count, whoever they are about."""
        self._uses: dict[str, float] = {}

    async def caller(self, token: str) -> Caller:
        """Whose token this is; see `verdicts.Verdicts`."""
        now = _boot_time()
        if now >= self._lease_end:
            await self._await_first_lease()
        digest = hashlib.sha256(token.encode()).digest()
        kept = self._kept.get(digest)
        if kept is None or now >= kept.until:
            kept = await self._fill(token, digest)
        if kept.secret and len(self._uses) < MAX_USES:
            self._uses[kept.secret] = time.time()
        return kept.caller

    async def run(self) -> None:
        """Keeps the lease and applies news, until cancelled."""
        while True:
            try:
                await self._renew()
            except grpc.aio.AioRpcError as failure:
                log.warning("the lease on verdicts is not renewed", extra={"cause": failure.code().name})
                await asyncio.sleep(random.uniform(0.05, 0.2))  # noqa: S311 - jitter
            except Exception:
                log.exception("the lease on verdicts is not renewed")
                await asyncio.sleep(1)

    async def _renew(self) -> None:
        sent, uses = _boot_time(), self._uses
        self._uses = {}
        request = keys_pb2.RenewLeaseRequest(
            watcher=self._watcher,
            acknowledged_epoch=self._epoch,
            wait=Duration(seconds=int(RENEW_WAIT_S)),
            uses=[_use(secret, moment) for secret, moment in uses.items()],
        )
        try:
            answer = await self._keys.RenewLease(request, timeout=RENEW_DEADLINE_S)
        except grpc.aio.AioRpcError:
            self._uses = uses | self._uses
            raise
        if answer.watcher != self._watcher:
            self._forget_all(answer.epoch)
            self._watcher = answer.watcher
        for principal in answer.keys:
            self._end(principal, answer.epoch)
        self._epoch = max(self._epoch, answer.epoch)
        # Last: while news was being applied, only the lease from before it counted.
        self._lease_end = sent + answer.lease.ToMilliseconds() / 1000 - MARGIN_S
        self._leased.set()

    async def leave(self) -> None:
        """Gives the lease up, so that no revocation waits for a process that has gone. From then all is refused."""
        self._lease_end = float("-inf")
        request = keys_pb2.RenewLeaseRequest(watcher=self._watcher, acknowledged_epoch=self._epoch, leave=True)
        try:
            await self._keys.RenewLease(request, timeout=LEAVE_DEADLINE_S)
        except grpc.aio.AioRpcError as failure:
            log.warning("the lease on verdicts stays until it runs out", extra={"cause": failure.code().name})

    async def _await_first_lease(self) -> None:
        """Waits a little if there has been no lease yet; refuses if there is none.

        Raises:
            Unavailable: nobody can tell what is true just now.
        """
        await wait_within(FIRST_LEASE_S, self._leased)  # which is over at once when there has been one
        self._check_lease()

    def _check_lease(self) -> None:
        if _boot_time() >= self._lease_end:
            raise Unavailable("Credentials cannot be checked just now. Try again shortly.", retry_after=1)

    async def _fill(self, token: str, digest: bytes) -> _Kept:
        """Asks the Keys service, until the answer is not older than what has been heard meanwhile."""
        if token_format.kind_of(token) is None:
            raise not_accepted()
        for _ in range(FILL_ATTEMPTS):
            sent = _boot_time()
            verdict = await self._verify(token)
            self._check_lease()
            kept = _kept(verdict, sent)
            if verdict.audience != access_pb2.AUDIENCE_INTEGRATION:
                return kept  # operators' tokens are few, and asked about each time
            if verdict.epoch >= max(self._floor, self._ended.get(verdict.principal, 0)):
                self._keep(digest, kept)
                return kept
        raise Unavailable("This key is being changed. Try again shortly.", retry_after=1)

    async def _verify(self, token: str) -> keys_pb2.VerifyTokenResponse:
        try:
            request = keys_pb2.VerifyTokenRequest(token=token)
            answer: keys_pb2.VerifyTokenResponse = await self._keys.VerifyToken(request, timeout=VERIFY_DEADLINE_S)
        except grpc.aio.AioRpcError as failure:
            if status.reason_of(failure) == errors.Unauthenticated.default_reason:
                raise not_accepted() from None
            raise status.to_error(failure) from failure
        return answer

    def _keep(self, digest: bytes, kept: _Kept) -> None:
        if len(self._kept) >= MAX_KEPT:
            self._drop(next(iter(self._kept)))  # the one that has been here longest
        self._kept[digest] = kept
        self._tokens.setdefault(kept.caller.principal, set()).add(digest)

    def _drop(self, digest: bytes) -> None:
        kept = self._kept.pop(digest)
        tokens = self._tokens[kept.caller.principal]
        tokens.discard(digest)
        if not tokens:
            del self._tokens[kept.caller.principal]

    def _end(self, principal: str, epoch: int) -> None:
        """Drops what is known of a principal, and refuses to learn it from before `epoch`."""
        for digest in self._tokens.pop(principal, ()):
            del self._kept[digest]
        if len(self._ended) >= MAX_ENDED:
            self._ended.clear()
            self._floor = epoch
        self._ended[principal] = epoch

    def _forget_all(self, epoch: int) -> None:
        """Begins anew at `epoch`."""
        self._kept.clear()
        self._tokens.clear()
        self._ended.clear()
        self._floor = self._epoch = epoch


def _kept(verdict: keys_pb2.VerifyTokenResponse, sent: float) -> _Kept:
    stores = None
    if verdict.audience != access_pb2.AUDIENCE_OPERATOR:
        stores = frozenset(ids_of(name)[0] for name in verdict.stores)
    # Counted from when it was asked for, and by the length that Keys found: no clock is compared with another.
    lasts = verdict.valid_duration.ToMilliseconds() / 1000 if verdict.HasField("valid_duration") else float("inf")
    ends = from_timestamp(verdict.expire_time) if verdict.HasField("expire_time") else None
    caller = Caller(verdict.principal, verdict.audience, frozenset(verdict.scopes), stores, ends)
    return _Kept(caller, verdict.secret, sent + lasts)


def _use(secret: str, moment: float) -> keys_pb2.RenewLeaseRequest.SecretUse:
    stamp = Timestamp()
    stamp.FromMilliseconds(round(moment * 1000))
    return keys_pb2.RenewLeaseRequest.SecretUse(secret=secret, use_time=stamp)


def _boot_time() -> float:
    """Seconds by a clock that is never set and, where there is such a one, goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
