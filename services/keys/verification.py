"""Whose token is this, right now?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sedifex.access.v1 import access_pb2

from services.common.access import token as token_format
from services.common.access.caller import Caller
from services.common.access.origin import parse_network
from services.common.access.verdicts import not_accepted
from services.keys import leases, queries, states
from services.keys.digest import Digest, Digester, Kind, Outdated, matching, outdated
from services.keys.membership import sessions
from services.keys.membership.queries import find_session_by_digest
from services.keys.membership.roles import ROLES


@dataclass(frozen=True)
class Verdict:
    """Whose a token is, as of one moment."""

    caller: Caller
    epoch: int = 0
    """Of the latest change that this takes into account."""
    holds_until: datetime | None = None
    """When it must be asked for again, if that is before the credential ends."""
    outdated: Outdated | None = None
    """How its digest is to be moved, if that is under another pepper than the first."""


def verify_token(token: str, digester: Digester, now: datetime) -> Verdict:
    """Whose token this is at `now`.

    Raises:
        Unauthenticated: nobody's; the answer is the same for malformed, unknown, expired and revoked ones.
    """
    kind = token_format.kind_of(token)
    if kind is None:
        raise not_accepted()
    digests = digester.candidates(token)
    match kind:
        case token_format.Kind.LIVE | token_format.Kind.TEST:
            return _integration(digests, now)
        case token_format.Kind.SESSION:
            return _member(digests, now)
        case token_format.Kind.OPERATOR:
            return _operator(digests)
        case _:
            raise not_accepted()  # ours, and no credential


def _integration(digests: Sequence[Digest], now: datetime) -> Verdict:
    found = queries.find_key_by_digest(digests)
    key = found.key
    if key is None:
        raise not_accepted(found.epoch)
    (secret,) = key.secrets
    kept = matching(secret.digest, digests)
    if kept is None or not states.is_accepted(key, secret, now):
        raise not_accepted(found.epoch)
    suspended = frozenset(found.suspended)
    caller = Caller(
        principal=f"keys/{key.id}",
        audience=access_pb2.AUDIENCE_INTEGRATION,
        scopes=frozenset(key.scopes),
        stores=frozenset(key.stores) - suspended,
        expire_time=min((moment for moment in (key.expire_time, secret.end_time) if moment is not None), default=None),
        suspended=suspended,
        networks=tuple(map(parse_network, key.allowed_cidrs)),
        credential_id=secret.id,
    )
    return Verdict(caller, found.epoch, outdated=outdated(Kind.KEY, kept, digests))


def _member(digests: Sequence[Digest], now: datetime) -> Verdict:
    found = find_session_by_digest(digests)
    session = found.session
    kept = matching(found.digest, digests)
    if session is None or kept is None or sessions.has_ended(session, now):
        raise not_accepted(found.epoch)
    suspended = frozenset(found.suspended)
    roles = {store: ROLES[role] for store, role in found.roles.items() if store not in suspended}
    caller = Caller(
        principal=f"members/{session.member_id}",
        audience=access_pb2.AUDIENCE_MEMBER,
        stores=frozenset(roles),
        expire_time=session.create_time + sessions.ABSOLUTE_END,
        roles=roles,
        suspended=suspended,
        credential_id=session.id,
    )
    holds_until = min(sessions.end_time(session), now + sessions.LOOK_AGAIN)
    return Verdict(caller, found.epoch, holds_until, outdated(Kind.SESSION, kept, digests))


def _operator(digests: Sequence[Digest]) -> Verdict:
    epoch = leases.current_epoch()  # before the look-up: one that is made meanwhile must not be taken for unknown
    found = queries.find_operator_by_digest(digests)
    kept = matching(found[1], digests) if found else None
    if found is None or kept is None or found[0].revoke_time is not None:
        raise not_accepted(epoch)
    caller = Caller(f"operators/{found[0].id}", access_pb2.AUDIENCE_OPERATOR)
    return Verdict(caller, epoch, outdated=outdated(Kind.OPERATOR, kept, digests))
