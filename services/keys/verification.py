"""Whose token is this, right now?"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sedifex.access.v1 import access_pb2

from services.common.access import token as token_format
from services.common.access.caller import Caller
from services.common.access.verdicts import not_accepted
from services.common.database import Database
from services.common.times import now
from services.keys import lifecycle, queries
from services.keys.digest import Digest, Digester
from services.keys.usage import Usage


@dataclass(frozen=True)
class Verdict:
    """Whose a token is, as of one moment."""

    caller: Caller
    secret_id: str = ""
    """Which of a key's secrets it is."""
    epoch: int = 0
    """Of the latest revocation that this takes into account."""


def verify_token(token: str, digester: Digester, now: datetime) -> Verdict:
    """Whose token this is at `now`.

    Raises:
        Unauthenticated: nobody's; the answer is the same for malformed, unknown, expired and revoked ones.
    """
    kind = token_format.kind_of(token)
    if kind is None:
        raise not_accepted()
    digests = digester.candidates(token)
    if kind is token_format.Kind.OPERATOR:
        return Verdict(_operator(digests))
    found = queries.find_key_by_digest(digests)
    if found is None or not _is_one_of(found.secret.digest, digests):
        raise not_accepted()
    key, secret = found.key, found.secret
    if not lifecycle.is_accepted(key, secret, now):
        raise not_accepted()
    scopes, stores = frozenset(key.scopes), frozenset(key.stores)
    ends = min((moment for moment in (key.expire_time, secret.end_time) if moment is not None), default=None)
    caller = Caller(f"keys/{key.id}", access_pb2.AUDIENCE_INTEGRATION, scopes, stores, ends)
    return Verdict(caller, found.secret_id, found.epoch)


class LocalVerdicts:
    """Verdicts for the Keys service's own door, from its own database: always as they are now."""

    def __init__(self, database: Database, digester: Digester, usage: Usage) -> None:
        self._database = database
        self._digester = digester
        self._usage = usage

    async def caller(self, token: str) -> Caller:
        """See `services.common.access.verdicts.Verdicts`."""
        moment = now()
        verdict = await self._database.read(verify_token, token, self._digester, moment)
        if verdict.secret_id:
            self._usage.note(verdict.secret_id, moment)
        return verdict.caller


def _operator(digests: Sequence[Digest]) -> Caller:
    found = queries.find_operator_by_digest(digests)
    if found is None or not _is_one_of(found[1], digests) or found[0].revoke_time is not None:
        raise not_accepted()
    return Caller(f"operators/{found[0].id}", access_pb2.AUDIENCE_OPERATOR)


def _is_one_of(stored: bytes, digests: Sequence[Digest]) -> bool:
    """Compares in constant time, whatever the index look-up let through and however long that took."""
    return sum(hmac.compare_digest(stored, each.value) for each in digests) > 0
