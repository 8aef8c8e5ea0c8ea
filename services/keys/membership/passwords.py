"""What a password must be, after NIST SP 800-63B section 5.1.1.2: long, not guessed first, otherwise as one likes."""

import unicodedata

from services.common.errors import InvalidArgument

MIN_LENGTH = 10
MAX_LENGTH = 200
"""In characters. A bound, so that nobody makes us hash a book."""

_COMMONEST = """
0123456789 0987654321 1111111111 1122334455 1234554321 1234567890 12345678900 123456789a 12345678910 123456789q
1234567891 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 2222222222 5555555555 7777777777 9876543210 987654321a a123456789
aa12345678 aaaaaaaaaa abc1234567 abcd123456 abcdefghij administrator asdfghjkl1 asdfghjkl; asdfghjkl123 azertyuiop
changeme123 dragon12345 football123 ghana12345 godisgood1 godisgood123 iloveyou12 iloveyou123 jesuschrist jesus12345
letmein123 letmein1234 loveyou123 master12345 mypassword mypassword1 p@ssw0rd123 pa$$word123 passw0rd123 password01
password11 password12 password123 password1234 password12345 password123456 password!1 password2024 password2025
password2026 princess123 q1w2e3r4t5 q1w2e3r4t5y6 qazwsxedcrfv qwerty1234 qwerty12345 qwerty123456 qwertyuiop
qwertyuiop1 qwertyuiop123 sedifex123 sedifex1234 sunshine123 superman123 welcome123 welcome1234 welcome12345
zxcvbnm123 zxcvbnm1234
"""
COMMONEST = frozenset(_COMMONEST.split())
"""Of those that are long enough: what turns up at the top of every list of leaked passwords, and of guesses at ours."""


def normalise(password: str) -> str:
    """The password in one form (NFKC), whichever keyboard it was typed on."""
    return unicodedata.normalize("NFKC", password)


def check_new(password: str, email: str, field: str) -> str:
    """The password, normalised, if the member with this email may choose it.

    Raises:
        InvalidArgument: they may not; the message says what to do.
    """
    chosen = normalise(password)
    if len(chosen) < MIN_LENGTH:
        raise _refusal(field, f"must have {MIN_LENGTH} characters or more; three or four words are easy to remember")
    if len(chosen) > MAX_LENGTH:
        raise _refusal(field, f"must have {MAX_LENGTH} characters at most")
    if chosen.strip().lower() in {email, email.partition("@")[0]}:
        raise _refusal(field, "must not be your email address; choose something that nobody knows of you")
    if chosen.lower() in COMMONEST or len(set(chosen)) == 1:
        raise _refusal(field, "is one of those that are guessed first; choose another, such as three or four words")
    return chosen


def _refusal(field: str, description: str) -> InvalidArgument:
    return InvalidArgument.field(field, description, reason="PASSWORD_NOT_ALLOWED")
