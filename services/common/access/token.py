"""The format of Sedifex's tokens.

    sdfx_live_ | sdfx_test_ | sdfx_op_     what it is for
    sdfx_ses_ | sdfx_inv_ | sdfx_rst_
    32 characters of base 62               190 random bits
    6 characters of base 62                CRC-32 of all that comes before

The checksum lets a mistyped token be refused without a look-up, and lets scanners of source code recognise a leaked one
with next to no false alarms.
"""

import re
import secrets
import string
import zlib
from enum import StrEnum

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_LENGTH = 32
CHECKSUM_LENGTH = 6


class Kind(StrEnum):
    """What a token is for; the value is how it begins."""

    LIVE = "sdfx_live_"
    TEST = "sdfx_test_"
    OPERATOR = "sdfx_op_"
    SESSION = "sdfx_ses_"
    INVITATION = "sdfx_inv_"
    """No credential: whoever has it may join a store, once."""
    RESET = "sdfx_rst_"
    """No credential: whoever has it may set a member's password, once."""


_FORM = re.compile(rf"({'|'.join(Kind)})[0-9A-Za-z]{{{RANDOM_LENGTH + CHECKSUM_LENGTH}}}")
_LOOK = re.compile(r"sdfx_[a-z]{2,8}_[0-9A-Za-z_]{8,}")


def mint(kind: Kind) -> str:
    """A new token, from the system's source of randomness."""
    body = kind + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    return body + _checksum(body)


def kind_of(token: str) -> Kind | None:
    """What a well-formed token is for; None if it is none of ours or its checksum is wrong."""
    form = _FORM.fullmatch(token)
    if form is None or _checksum(token[:-CHECKSUM_LENGTH]) != token[-CHECKSUM_LENGTH:]:
        return None
    return Kind(form[1])


def hint(token: str) -> str:
    """Enough of a token to recognise it in a list, and far too little to use it: "sdfx_live_…aB3x"."""
    return f"{kind_of(token) or ''}…{token[-4:]}"


def redact(text: str) -> str:
    """The text with the hint of each token in place of it, also of those that are no tokens but by their look."""
    return _LOOK.sub(lambda found: hint(found[0]), text)


def _checksum(body: str) -> str:
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
