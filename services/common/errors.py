"""What can go wrong, in the words of the domain.

Domain code raises these; `status` turns them into gRPC statuses and back, so no domain module knows a status code. A
message is read by the caller: it says what is wrong and what to do next, and never holds a secret.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class FieldViolation:
    """One field of a request that was not as it must be."""

    field: str
    """The path in the request, such as "product.price.amount"."""
    description: str
    """What it must be."""


class SedifexError(Exception):
    """An outcome that the caller is told of. Never raised itself: one of the kinds below is.

    `reason` is the machine's word for it, UPPER_SNAKE_CASE and stable (AIP-193); `metadata` goes with it.
    `retry_after` is in seconds, where trying again later makes sense.
    """

    default_reason: ClassVar[str]

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after = retry_after


class InvalidArgument(SedifexError):
    """The request is wrong whatever the state of things; sending it again will not help."""

    default_reason = "INVALID_ARGUMENT"

    @classmethod
    def field(cls, field: str, description: str, *, reason: str | None = None) -> "InvalidArgument":
        """The error for one field: the message names it and says what it must be."""
        return cls(f"{field}: {description}", reason=reason, violations=[FieldViolation(field, description)])


class Unauthenticated(SedifexError):
    """Nobody knows who is calling."""

    default_reason = "CREDENTIAL_NOT_ACCEPTED"


class PermissionDenied(SedifexError):
    """The caller is known and may not do this."""

    default_reason = "PERMISSION_DENIED"


class NotFound(SedifexError):
    """What the caller may reach, and names, is not there."""

    default_reason = "NOT_FOUND"


class AlreadyExists(SedifexError):
    """What is to be created is there already."""

    default_reason = "ALREADY_EXISTS"


class Conflict(SedifexError):
    """Somebody else changed it first: read it again, and repeat the change if it is still wanted."""

    default_reason = "CONFLICT"


class FailedPrecondition(SedifexError):
    """Right in itself, not in this state of things."""

    default_reason = "FAILED_PRECONDITION"


class Exhausted(SedifexError):
    """Too much, for now."""

    default_reason = "RESOURCE_EXHAUSTED"


class Unavailable(SedifexError):
    """Something that this needs cannot be reached just now. Nothing was done, or nobody can tell: repeat it."""

    default_reason = "UNAVAILABLE"
