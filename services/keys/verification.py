"""Whose token is this, right now?"""

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime

from sedifex.access.v1 import access_pb2

from services.common.access import token as token_format
from services.common.access.caller import Caller
from services.common.access.verdicts import not_accepted
from services.common.database import Database
from services.keys import lifecycle, queries
from services.keys.digest import Digest, Digester


def verify_token(token: str, digester: Digester, now: datetime) -> Caller:
    """Whose token this is at `now`.

    Raises:
        Unauthenticated: nobody's; the answer is the same for malformed, unknown, expired and revoked ones.
    """
    kind = token_format.kind_of(token)
    if kind is None:
        raise not_accepted()
    digests = digester.candidates(token)
    if kind is token_format.Kind.OPERATOR:
        return _operator(digests)
    found = queries.find_key_by_digest(digests)
    if found is None or not _is_one_of(found[1], digests) or not lifecycle.is_accepted(found[0], now):
        raise not_accepted()
    key = found[0]
    scopes, stores = frozenset(key.scopes), frozenset(key.stores)
    return Caller(f"keys/{key.id}", access_pb2.AUDIENCE_INTEGRATION, scopes, stores, key.expire_time)


class LocalVerdicts:
    """Verdicts for the Keys service's own door, from its own database."""

    def __init__(self, database: Database, digester: Digester) -> None:
        self._database = database
        self._digester = digester

    async def caller(self, token: str) -> Caller:
        """See `services.common.access.verdicts.Verdicts`."""
        return await self._database.read(verify_token, token, self._digester, datetime.now(UTC))


def _operator(digests: Sequence[Digest]) -> Caller:
    found = queries.find_operator_by_digest(digests)
    if found is None or not _is_one_of(found[1], digests) or found[0].revoke_time is not None:
        raise not_accepted()
    return Caller(f"operators/{found[0].id}", access_pb2.AUDIENCE_OPERATOR)


def _is_one_of(stored: bytes, digests: Sequence[Digest]) -> bool:
    """Compares in constant time, whatever the index look-up let through and however long that took."""
    return sum(hmac.compare_digest(stored, each.value) for each in digests) > 0
