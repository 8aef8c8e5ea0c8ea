"""Whose token is this? Asked for every call, answered by the Keys service or what it has promised."""

from typing import Protocol

from services.common.access.caller import Caller
from services.common.errors import Unauthenticated


class Verdicts(Protocol):
    """A source of verdicts on tokens."""

    async def caller(self, token: str) -> Caller:
        """Whose token this is.

        Raises:
            Unauthenticated: nobody's, as of now.
            Unavailable: nobody can tell; the call must not pass.
        """


def not_accepted() -> Unauthenticated:
    """The one answer to every credential that is not accepted: which of the reasons it is would help a guesser."""
    return Unauthenticated(
        "This credential is not accepted. Check that the whole API key was copied and has not been revoked or expired."
    )
