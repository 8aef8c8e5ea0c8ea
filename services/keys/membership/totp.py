"""One-time codes (TOTP, RFC 6238: SHA-1, six digits, thirty seconds) and the recovery codes that stand in for them."""

import hmac
from collections.abc import Callable
from datetime import datetime

import pyotp

STEP_S = 30
WINDOW = 1
"""How many steps a member's clock may be off, to either side (RFC 6238, section 5.2)."""
ISSUER = "Sedifex"
RECOVERY_CODES = 10
RECOVERY_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without what looks alike."""
_HALF = 5


def accepted_step(secret: str, code: str, now: datetime, last_step: int) -> int | None:
    """The step whose code this is, if it may be accepted at `now`; None if not.

    Each code is accepted once, and none from before one that was: `last_step` is that one's step.
    """
    present = int(now.timestamp()) // STEP_S
    accepted = None
    for step in range(present - WINDOW, present + WINDOW + 1):
        # All are compared, in constant time, so that the time taken tells nothing.
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()) and step > last_step:
            accepted = step
    return accepted


def code_at(secret: str, step: int) -> str:
    """The code of a secret (base 32) at a step, counted from 1970."""
    return pyotp.TOTP(secret, interval=STEP_S).generate_otp(step)


def uri_of(secret: str, email: str) -> str:
    """The otpauth:// URI by which authenticator apps take a secret in, from a QR code."""
    return pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=email, issuer_name=ISSUER)


def new_secret() -> str:
    """A secret: 160 random bits in base 32."""
    return pyotp.random_base32()


def new_recovery_codes(choose: Callable[[str], str]) -> list[str]:
    """Ten codes of 49 random bits, like "7KQ2M-XF4WA"; `choose` draws a character."""
    halves = ["".join(choose(RECOVERY_ALPHABET) for _ in range(_HALF)) for _ in range(2 * RECOVERY_CODES)]
    return ["-".join(pair) for pair in zip(halves[::2], halves[1::2], strict=True)]


def canonical(code: str) -> str:
    """A code as it was meant, however it was typed: "123 456" -> "123456", "7kq2m xf4wa" -> "7KQ2MXF4WA"."""
    return "".join(each for each in code.upper() if each.isalnum() and each.isascii())
