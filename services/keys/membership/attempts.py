"""The SQL of what limits guessing; see `limits`."""

from datetime import datetime
from typing import Any

from services.keys.models import KnownAddressRow, SignInAttemptRow, handle

PRUNED_AT_ONCE = 100


def lock(account: bytes, address: str) -> None:
    """Makes this transaction the only one to count attempts of this account, and from this address.

    Always the account first: who has an address locked waits for no account, so no two can wait for each other.
    """
    for name in (f"account {account.hex()}", f"address {address}"):
        handle.execute_sql("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (name,))


def prune(before: datetime) -> None:
    """Removes attempts that count no more, some of them; passes over those that another transaction removes."""
    handle.execute_sql(
        """
        DELETE FROM sign_in_attempt WHERE id IN (
            SELECT id FROM sign_in_attempt WHERE create_time < %s LIMIT %s FOR UPDATE SKIP LOCKED)
        """,
        (before, PRUNED_AT_ONCE),
    )


def nth_latest_of_address(address: str, since: datetime, number: int) -> datetime | None:
    """When the attempt was made that, counted from the latest, is the `number`th from this address since then."""
    return _nth_latest(SignInAttemptRow.address == address, since, number)


def nth_latest_of_account(account: bytes, known_address: str | None, since: datetime, number: int) -> datetime | None:
    """The same, of those on an account from an address that is known to it; None: from all others together."""
    wanted: Any = SignInAttemptRow.account == account
    if known_address is None:
        wanted &= ~SignInAttemptRow.is_known
    else:
        wanted &= SignInAttemptRow.is_known & (SignInAttemptRow.address == known_address)
    return _nth_latest(wanted, since, number)


def insert(account: bytes, address: str, is_known: bool, now: datetime) -> int:
    """Notes an attempt; answers its number."""
    inserted = SignInAttemptRow.insert(account=account, address=address, is_known=is_known, create_time=now)
    return int(inserted.execute())


def delete(attempt_id: int) -> None:
    """Forgets an attempt."""
    SignInAttemptRow.delete().where(SignInAttemptRow.id == attempt_id).execute()


def delete_of_account(account: bytes, known_address: str | None) -> None:
    """Forgets the attempts on an account from a known address; None: from all others together."""
    wanted: Any = SignInAttemptRow.account == account
    if known_address is None:
        wanted &= ~SignInAttemptRow.is_known
    else:
        wanted &= SignInAttemptRow.is_known & (SignInAttemptRow.address == known_address)
    SignInAttemptRow.delete().where(wanted).execute()


def is_known(member_id: str, address: str, since: datetime) -> bool:
    """Whether the member has signed in from this address since then."""
    mine = (KnownAddressRow.member == member_id) & (KnownAddressRow.address == address)
    return KnownAddressRow.select().where(mine, KnownAddressRow.last_sign_in_time >= since).exists()


def note_address(member_id: str, address: str, now: datetime, forget_before: datetime) -> None:
    """Notes that a member has signed in from an address, and forgets those from which they have not for long."""
    KnownAddressRow.delete().where(
        KnownAddressRow.member == member_id, KnownAddressRow.last_sign_in_time < forget_before
    ).execute()
    KnownAddressRow.insert(member=member_id, address=address, last_sign_in_time=now).on_conflict(
        conflict_target=[KnownAddressRow.member, KnownAddressRow.address], update={"last_sign_in_time": now}
    ).execute()


def _nth_latest(wanted: Any, since: datetime, number: int) -> datetime | None:
    query = SignInAttemptRow.select(SignInAttemptRow.create_time).where(wanted, SignInAttemptRow.create_time > since)
    row = query.order_by(SignInAttemptRow.create_time.desc()).offset(number - 1).limit(1).first()
    return row.create_time if row else None
