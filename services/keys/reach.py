"""How far a key reaches, and that nobody gives what they do not have."""

from collections.abc import Iterable, Sequence

from sedifex.access.v1 import access_pb2

from services.common.access.caller import Caller
from services.common.access.origin import parse_network
from services.common.errors import FailedPrecondition, InvalidArgument, PermissionDenied
from services.keys import queries
from services.keys.queries import Key


def stores_of(home: str, others: Iterable[str]) -> tuple[str, ...]:
    """The stores that a key reaches: the one that it is made in always, and those that are named."""
    return tuple(sorted({home, *others}))


def canonical_networks(texts: Sequence[str], field: str) -> tuple[str, ...]:
    """Networks in their one way of writing, each once.

    Raises:
        InvalidArgument: one is no network, or holds nobody in particular; the message names it.
    """
    networks = set()
    for number, text in enumerate(texts):
        try:
            networks.add(str(parse_network(text)))
        except ValueError as problem:
            hint = "a network like 203.0.113.0/24 or 2001:db8::/32, or a single address"
            # Its own words tell of bits beyond the prefix, which is the common mistake.
            raise InvalidArgument.field(f"{field}[{number}]", f"must be {hint}; {problem}") from None
    return tuple(sorted(networks))


def check_one_owner(stores: Sequence[str]) -> None:
    """Lets a key reach several stores only if one person owns them all.

    Raises:
        FailedPrecondition: nobody does.
    """
    if len(stores) == 1:
        return
    owners = queries.list_owners(stores)
    if not frozenset.intersection(*owners.values()):
        names = ", ".join(f"stores/{store}" for store in stores)
        raise FailedPrecondition(
            f"A key may reach several stores of one owner, and nobody owns all of {names}. Make a key in each.",
            reason="STORES_OF_DIFFERENT_OWNERS",
        )


def check_gives_no_more_than_it_has(caller: Caller, key: Key) -> None:
    """Lets somebody make and change only keys that can do no more than themselves.

    Or whoever has a key for keys could make one for everything, to stay when theirs has ended, or take over another
    one by rotating it; and whoever runs one shop could make one for another.

    Raises:
        PermissionDenied: the key reaches further than the caller, has a scope that the caller lacks, or lasts longer.
    """
    beyond_stores = sorted(store for store in key.stores if not _runs(caller, store))
    if beyond_stores:
        raise PermissionDenied(
            f"This key reaches stores/{beyond_stores[0]}, and this credential may not manage keys there.",
            reason="STORE_NOT_ALLOWED",
        )
    if not caller.is_integration:
        return
    beyond = sorted(set(key.scopes) - caller.scopes)
    if beyond:
        raise PermissionDenied(
            f"This API key cannot give what it does not have: {', '.join(beyond)}.",
            reason="SCOPE_MISSING",
            metadata={"scope": beyond[0]},
        )
    if caller.expire_time is not None and (key.expire_time is None or key.expire_time > caller.expire_time):
        raise PermissionDenied(
            f"This API key ends at {caller.expire_time.isoformat()} and cannot manage one that lasts longer.",
            reason="EXPIRY_TOO_LATE",
        )
    if not _is_within(key, caller):
        raise PermissionDenied(
            "This API key may be used from certain addresses only and cannot manage one that may be used from others.",
            reason="ADDRESSES_TOO_MANY",
        )


def _runs(caller: Caller, store: str) -> bool:
    if caller.is_member:
        return caller.roles.get(store, access_pb2.ROLE_UNSPECIFIED) >= access_pb2.ROLE_ADMIN
    return caller.reaches(store)


def _is_within(key: Key, caller: Caller) -> bool:
    """Whether the key may be used only from where the caller's may."""
    if not caller.networks:
        return True
    return bool(key.allowed_cidrs) and all(
        any(mine.version == other.version and mine.subnet_of(other) for other in caller.networks)  # type: ignore[arg-type]
        for mine in map(parse_network, key.allowed_cidrs)
    )
