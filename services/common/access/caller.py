"""Who is calling."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from sedifex.access.v1 import access_pb2

from services.common.access.origin import Network
from services.common.errors import PermissionDenied


@dataclass(frozen=True)
class Caller:
    """Somebody whose credential has been accepted, and what it lets them do."""

    principal: str
    """A resource name for the record: "keys/key_01…", "members/mem_01…", "operators/op_01…", "services/catalog"."""
    audience: access_pb2.Audience.ValueType
    scopes: frozenset[str] = frozenset()
    stores: frozenset[str] | None = None
    """Ids of the stores that the caller may reach; None: any."""
    expire_time: datetime | None = None
    """When the credential ends by itself; None: never."""
    roles: Mapping[str, access_pb2.Role.ValueType] = field(default_factory=dict)
    """What a member may do, by the id of the store."""
    suspended: frozenset[str] = frozenset()
    """Ids of stores that would be the caller's, were they not suspended."""
    networks: tuple[Network, ...] = ()
    """From where the credential may be used; empty: from anywhere."""
    credential_id: str = ""
    """Which of the caller's credentials it is: the id of a key's secret or of a member's session."""

    @property
    def is_integration(self) -> bool:
        """Whether this is a shop's integration, which sees only what the shop shows to the world."""
        return self.audience == access_pb2.AUDIENCE_INTEGRATION

    @property
    def is_member(self) -> bool:
        """Whether this is a person of the shop."""
        return self.audience == access_pb2.AUDIENCE_MEMBER

    def reaches(self, store: str) -> bool:
        """Whether the caller may reach the store of this id."""
        return self.stores is None or store in self.stores


ANONYMOUS = Caller("anonymous", access_pb2.AUDIENCE_PUBLIC, stores=frozenset())

_current: ContextVar[Caller] = ContextVar("caller")


def set_caller(caller: Caller) -> None:
    """Makes `caller` the one whom this call works for. The access interceptor does so, nobody else."""
    _current.set(caller)


def current_caller() -> Caller:
    """Whom this call works for.

    Raises:
        PermissionDenied: no interceptor has let anybody in: a mistake in the set-up must not open a door.
    """
    try:
        return _current.get()
    except LookupError:
        raise PermissionDenied("This call went past the access check.") from None
