"""One-time codes as a member's second proof: turning them on and off, and looking at one."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum

from services.common.errors import FailedPrecondition, InvalidArgument
from services.common.vault import Sealed, Vault
from services.keys.digest import Digest, Digester
from services.keys.membership import queries, totp
from services.keys.membership.queries import Member

TOTP_DIGITS = 6


class Problem(Enum):
    """Why a code does not do."""

    REQUIRED = "Enter the code that your authenticator app shows, or one of your recovery codes."
    NOT_ACCEPTED = "This code is wrong or was used before. Wait until your app shows the next one, then enter that."

    @property
    def reason(self) -> str:
        """The machine's word for it."""
        return f"TOTP_{self.name}"

    @property
    def message(self) -> str:
        """What to do."""
        return self.value


def check(member: Member, code: str, vault: Vault, digester: Digester, now: datetime) -> Problem | None:
    """Takes a code, so that it is not taken again; what is wrong with it if it is not taken.

    The member must be locked, or the same code could be taken twice at once.
    """
    if not member.uses_totp:
        return None
    given = totp.canonical(code)
    if not given:
        return Problem.REQUIRED
    if len(given) != TOTP_DIGITS:
        used = queries.delete_recovery_code(member.id, _candidates(member.id, given, digester))
        return None if used else Problem.NOT_ACCEPTED
    step = totp.accepted_step(_secret(member, vault), given, now, member.totp_last_step)
    if step is None:
        return Problem.NOT_ACCEPTED
    queries.update_member(member.id, totp_last_step=step)
    return None


def start(member: Member, secret: str, vault: Vault) -> str:
    """Keeps a secret for one-time codes, to be confirmed; answers its otpauth:// URI. The member must be locked.

    Raises:
        FailedPrecondition: codes are on already.
    """
    _check_off(member)
    sealed = vault.seal(secret, member.id)
    queries.update_member(
        member.id, totp_secret=sealed.value, totp_key_version=sealed.version, totp_confirm_time=None, totp_last_step=0
    )
    return totp.uri_of(secret, member.email)


def confirm(
    member_id: str, code: str, *, recovery_codes: Sequence[str], vault: Vault, digester: Digester, now: datetime
) -> None:
    """Turns one-time codes on, by a first one, with these recovery codes.

    Raises:
        FailedPrecondition: codes are on already, or nobody has started to turn them on.
        InvalidArgument: the code is wrong.
    """
    member = queries.lock_member(member_id)
    if member is None or member.totp_secret is None:
        raise FailedPrecondition("Start turning one-time codes on first.", reason="TOTP_NOT_STARTED")
    _check_off(member)
    step = totp.accepted_step(_secret(member, vault), totp.canonical(code), now, member.totp_last_step)
    if step is None:
        raise InvalidArgument.field(
            "code", "is not what the app should show; check its clock", reason="TOTP_NOT_ACCEPTED"
        )
    queries.update_member(member_id, totp_confirm_time=now, totp_last_step=step)
    queries.set_recovery_codes(member_id, [_digest(member_id, each, digester) for each in recovery_codes])


def disable(member_id: str) -> None:
    """Turns one-time codes off and forgets the recovery codes; where they are off, nothing changes."""
    queries.update_member(member_id, totp_secret=None, totp_key_version=None, totp_confirm_time=None, totp_last_step=0)
    queries.set_recovery_codes(member_id, [])


def _check_off(member: Member) -> None:
    if member.uses_totp:
        raise FailedPrecondition("One-time codes are on already. Turn them off first.", reason="TOTP_ENABLED")


def _secret(member: Member, vault: Vault) -> str:
    assert member.totp_secret is not None and member.totp_key_version is not None  # noqa: S101, PT018 - a CHECK holds it
    return vault.open(Sealed(member.totp_secret, member.totp_key_version), member.id)


def _digest(member_id: str, code: str, digester: Digester) -> Digest:
    return digester.new(_of(member_id, code))


def _candidates(member_id: str, code: str, digester: Digester) -> list[Digest]:
    return digester.candidates(_of(member_id, code))


def _of(member_id: str, code: str) -> str:
    """Bound to the member: two members' digests cannot be told to be of the same code."""
    return f"recovery {member_id} {totp.canonical(code)}"
