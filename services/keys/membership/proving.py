"""Proving that one is a certain member: by email and password, and a one-time code where the member uses them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from services.common.access.refusals import block_of
from services.common.database import Database
from services.common.errors import PermissionDenied, Unauthenticated, Unavailable
from services.common.vault import Vault
from services.keys.digest import Digester
from services.keys.membership import limits, queries, second_factor
from services.keys.membership.hashing import Hashing
from services.keys.membership.limits import Attempt
from services.keys.membership.queries import Member

T = TypeVar("T")

Refusal = type[Unauthenticated] | type[PermissionDenied]


@dataclass(frozen=True)
class Claim:
    """Somebody says that they are a member."""

    email: str
    """Normalised."""
    password: str = field(repr=False)
    address: str
    """Where they are."""
    code: str | None = field(default="", repr=False)
    """What they gave as a code, empty if nothing; None: none is asked for, a session speaks for them."""
    refusal: Refusal = Unauthenticated
    """What to say to a stranger; to somebody who is signed in: PermissionDenied."""


@dataclass(frozen=True)
class _Verified:
    """A password that was right for what was kept when it was looked at."""

    attempt: Attempt
    member: Member
    rehashed: str | None = field(repr=False)
    """Its hash with the parameters that are used now, if the one kept has others."""


class Proving:
    """Looks at claims."""

    def __init__(self, database: Database, hashing: Hashing, digester: Digester, vault: Vault) -> None:
        self._database = database
        self._hashing = hashing
        self._digester = digester
        self._vault = vault

    async def prove(self, claim: Claim, now: datetime, conclude: Callable[[Member], T]) -> T:
        """What `conclude` makes of the member, who is locked, in one transaction with what proved who they are.

        No transaction is open, and no database thread taken, while the password is hashed.

        Raises:
            Unauthenticated, PermissionDenied: as the claim wants it: there is no such member, the password is wrong
                (one answer for both), or a code is needed or wrong (which is told only with the right password).
            Exhausted: too many attempts have failed; see `limits`.
            Unavailable: too many are proving who they are.
        """
        verified = await self._verify(claim, now)
        return await self._database.write(self._end, claim, verified, now, conclude)

    async def _verify(self, claim: Claim, now: datetime) -> _Verified:
        attempt, member = await self._database.write(self._begin, claim, now)
        kept = member.password_hash if member else None
        rehashed = None
        try:
            right = await self._hashing.verify(kept, claim.password)
            if right and kept and self._hashing.is_outdated(kept):
                rehashed = await self._hashing.hash(claim.password)
        except Unavailable:
            await self._database.write(limits.take_back, attempt)
            raise
        if member is None or not right:
            raise _not_accepted(claim.refusal)
        return _Verified(attempt, member, rehashed)

    def _begin(self, claim: Claim, now: datetime) -> tuple[Attempt, Member | None]:
        member = queries.find_member_by_email(claim.email)
        account = limits.account_of(claim.email, self._digester)
        return limits.reserve(account, member.id if member else None, block_of(claim.address), now), member

    def _end(self, claim: Claim, verified: _Verified, now: datetime, conclude: Callable[[Member], T]) -> T:
        member = queries.lock_member(verified.member.id)
        if member is None or member.password_hash != verified.member.password_hash:
            raise _not_accepted(claim.refusal)  # it was changed while this was looked at: the old one must not open
        if claim.code is not None:
            problem = second_factor.check(member, claim.code, self._vault, self._digester, now)
            if problem is not None:
                raise claim.refusal(problem.message, reason=problem.reason)
        if verified.rehashed is not None:
            queries.update_member(member.id, password_hash=verified.rehashed)
        if claim.code is None:
            # Half a proof: if it cleared what has failed, whoever has session and password could guess codes for ever.
            limits.take_back(verified.attempt)
        else:
            limits.succeed(verified.attempt, member.id, now)
        return conclude(member)


def _not_accepted(refusal: Refusal) -> Unauthenticated | PermissionDenied:
    if refusal is PermissionDenied:
        return PermissionDenied("This is not your present password. Try again.", reason="PASSWORD_NOT_ACCEPTED")
    return Unauthenticated(
        "This email and this password do not go together. Check both; if the password is lost, ask Sedifex's support "
        "for a link to set a new one.",
        reason="SIGN_IN_NOT_ACCEPTED",
    )
