"""How often somebody may guess.

Ten attempts that fail at an account, and fifty from an address, within fifteen minutes. The counts are in the database,
shared by all Keys processes. An attempt is counted before its password is looked at, and taken back when it was right:
guesses that run side by side cannot slip through together.

A limit on an account is a lever for locking its owner out. So failures are counted apart: those from an address from
which the member has signed in within ninety days, each by itself, and those from everywhere else together. Strangers
use up their own ten and stop themselves; the member, at the shop or at home, goes on. What remains: while strangers
keep guessing, the member cannot sign in from an address that is new. Sessions that are open go on, and a reset link
works all the same. An attacker behind the member's own address could lock that one; a mark on the device instead of
the address would stop that too, and would be worth its while only when it has been seen to happen.

Accounts that do not exist are counted as well: a limit must not tell which do.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.common.errors import Exhausted
from services.keys.digest import Digester
from services.keys.membership import attempts

WINDOW = timedelta(minutes=15)
PER_ACCOUNT = 10
PER_ADDRESS = 50
KNOWN_FOR = timedelta(days=90)
"""How long an address counts as the member's own after they last signed in from it."""


@dataclass(frozen=True)
class Attempt:
    """An attempt that has been counted."""

    id: int
    account: bytes
    """A digest of the email."""
    address: str
    is_known: bool
    """Whether the member has signed in from this address before."""


def reserve(account: bytes, member_id: str | None, address: str, now: datetime) -> Attempt:
    """Counts an attempt on an account; `member_id`: whose it is, None if there is no such account.

    Raises:
        Exhausted: there have been too many; the error says when to try again.
    """
    attempts.lock(account, address)
    attempts.prune(now - WINDOW)
    is_known = address != "" and attempts.is_known(member_id or "", address, now - KNOWN_FOR)
    since, own = now - WINDOW, address if is_known else None
    full = (
        attempts.nth_latest_of_account(account, own, since, PER_ACCOUNT),
        attempts.nth_latest_of_address(address, since, PER_ADDRESS),
    )
    if frees := [moment + WINDOW for moment in full if moment is not None]:
        raise Exhausted(
            "Too many attempts to sign in have failed. Wait, or ask for a link to set the password anew.",
            reason="TOO_MANY_ATTEMPTS",
            retry_after=max(1.0, (max(frees) - now).total_seconds()),
        )
    return Attempt(attempts.insert(account, address, is_known, now), account, address, is_known)


def succeed(attempt: Attempt, member_id: str, now: datetime) -> None:
    """Forgets what has failed before this attempt, which was right, and knows its address from now on."""
    attempts.delete_of_account(attempt.account, attempt.address if attempt.is_known else None)
    if attempt.address:
        attempts.note_address(member_id, attempt.address, now, now - KNOWN_FOR)


def take_back(attempt: Attempt) -> None:
    """Forgets an attempt that was not looked at, or right as far as it went."""
    attempts.delete(attempt.id)


def forgive(account: bytes) -> None:
    """Forgets what has failed at an account from anywhere but the member's own addresses."""
    attempts.delete_of_account(account, None)


def account_of(email: str, digester: Digester) -> bytes:
    """What stands for an account where attempts are counted: people type their password into the wrong field."""
    return digester.new(f"account {email}").value
