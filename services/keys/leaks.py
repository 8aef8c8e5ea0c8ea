"""Leaked tokens: found where others can read them, and ended at once.

Whether a secret is still accepted is judged under its key's lock: a rotation could end it or bring it back meanwhile.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from sedifex.keys.v1 import keys_pb2

from services.common.access import token as token_format
from services.keys import lifecycle, queries, states
from services.keys.audit import Act
from services.keys.digest import Digest, Digester, matching
from services.keys.queries import Key, Secret

log = logging.getLogger(__name__)

Outcome = keys_pb2.ReportLeakedKeysResponse.Outcome


@dataclass(frozen=True)
class Leak:
    """A token, and where it was found; `source` and `url` in the words of whoever reports it."""

    token: str = field(repr=False)
    source: str = ""
    url: str = ""


@dataclass(frozen=True)
class Ending:
    """What became of a token."""

    outcome: keys_pb2.ReportLeakedKeysResponse.Outcome.ValueType
    name: str = ""
    """Whose it is, as a resource name; empty: nobody's."""
    hint: str = ""
    state_before: keys_pb2.Key.State.ValueType = keys_pb2.Key.STATE_UNSPECIFIED
    """Of the key; unspecified if it is no key's."""


NOT_OURS = Ending(Outcome.OUTCOME_NOT_OURS)


def end_leaked(leak: Leak, digester: Digester, act: Act) -> Ending:
    """Revokes the key or the operator whose token this is. Wants a transaction of its own: it locks one key."""
    token = leak.token.strip()
    kind = token_format.kind_of(token)
    if kind is None:
        return NOT_OURS
    digests = digester.candidates(token)
    ending = _end_operator(digests, act) if kind is token_format.Kind.OPERATOR else _end_key(leak, digests, act)
    # An operator belongs to no store, hence to no chain of the audit log: this line is the record.
    log.warning(
        "a leaked token was reported",
        extra={
            "resource": ending.name,
            "outcome": Outcome.Name(ending.outcome),
            "actor": act.caller.principal,
            "leakSource": token_format.redact(leak.source),
        },
    )
    return ending


def _end_key(leak: Leak, digests: Sequence[Digest], act: Act) -> Ending:
    found = queries.find_key_by_digest(digests).key
    key = queries.lock_key(found.store_id, found.id) if found else None
    secret = _one_of(key.secrets, digests) if key else None
    if key is None or secret is None:
        return NOT_OURS
    ending = Ending(
        Outcome.OUTCOME_ALREADY_ENDED,
        f"stores/{key.store_id}/keys/{key.id}",
        secret.hint,
        states.state_of(key, act.now),
    )
    # A shop that has rotated a leaked secret away must not lose its key when somebody finds the old one later.
    if not states.is_accepted(key, secret, act.now):
        return ending
    _revoke(key, leak, act)
    return Ending(Outcome.OUTCOME_REVOKED, ending.name, ending.hint, ending.state_before)


def _revoke(key: Key, leak: Leak, act: Act) -> None:
    # Whoever found a token may have found it in a URL.
    told = {"source": token_format.redact(leak.source), "url": token_format.redact(leak.url)}
    lifecycle.end_key(key, act, {"leak": told})


def _end_operator(digests: Sequence[Digest], act: Act) -> Ending:
    found = queries.find_operator_by_digest(digests)
    if found is None or matching(found[1], digests) is None:
        return NOT_OURS
    operator = found[0]
    ended = queries.revoke_operator(operator.id, act.now)
    outcome = Outcome.OUTCOME_REVOKED if ended else Outcome.OUTCOME_ALREADY_ENDED
    return Ending(outcome, f"operators/{operator.id}", operator.hint)


def _one_of(secrets: Sequence[Secret], digests: Sequence[Digest]) -> Secret | None:
    return next((each for each in secrets if matching(each.digest, digests)), None)
