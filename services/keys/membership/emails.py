"""Email addresses as names of accounts: in one way of writing, and plausible. Whether one is read is not checked."""

import re

from services.common.errors import InvalidArgument

MAX_LENGTH = 254
"""What fits into an SMTP path (RFC 5321, section 4.5.3.1.3)."""

_PLAUSIBLE = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@.\x00-\x1f\x7f]+(\.[^\s@.\x00-\x1f\x7f]+)+")


def normalise(text: str, field: str = "email") -> str:
    """The address in its one way of writing: without spaces around it, in small letters.

    Raises:
        InvalidArgument: it is no address.
    """
    email = text.strip().lower()
    if len(email) > MAX_LENGTH or not _PLAUSIBLE.fullmatch(email):
        raise InvalidArgument.field(field, 'must be an email address like "ama@example.com"')
    return email
