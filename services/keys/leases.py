"""Leases on verdicts: who keeps verdicts in memory, and when a revocation has reached all of them.

Other services keep verdicts under a lease and hear of changes. A change takes the next epoch from a locked row, in its
own transaction. It is confirmed when every watcher has acknowledged that epoch, or its lease has run out: then nobody
accepts what was accepted before. All of it is in the database, so several Keys processes agree, and one that has just
started knows what the others promised.

No moment stands in the database, for its clock may be set. A lease lasts `LEASE_S` from when its renewal was sent, and
a renewal that was sent after a change was committed brings the news of it before it extends anything. So whoever waits
for `LEASE_S` after the commit, by a clock that nobody sets, has outlived every lease under which the change is not
known (`barrier`).

The order of two races is what this file is about:
- A watcher that begins reads the epoch under a share lock on the row that revokers lock. It either is in the table
  before the revocation commits, and is waited for, or begins with that epoch, and with nothing in memory.
- A watcher that is taken for gone is deleted only if it has not renewed since it was looked at; one that is deleted
  and renews all the same is told to begin anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg2.extras import execute_values

from services.keys.models import handle

LEASE_S = 5.0
MAX_NEWS = 1_000
CHANNEL = "keys_epoch"
TOKENS = "tokens"
"""The principal of the change that a token has come into being."""


@dataclass(frozen=True)
class News:
    """What a watcher is told."""

    epoch: int
    principals: tuple[str, ...] = ()
    tokens_created: bool = False


@dataclass(frozen=True)
class Watcher:
    """A watcher, as one moment shows it."""

    id: str
    renewals: int
    acknowledged_epoch: int


def invalidate(principals: Sequence[str]) -> int:
    """Gives a change its epoch; watchers hear whom it concerns from its commit on. Wants the change's transaction.

    The last thing that a transaction does: everybody waits for this row, so it is locked after the chains of the audit
    log, never before, and for as short a time as can be.
    """
    statement = """
        WITH next AS (UPDATE revocation_epoch SET epoch = epoch + 1 RETURNING epoch),
        told AS (INSERT INTO invalidation (epoch, principal) SELECT epoch, unnest(%(principals)s::text[]) FROM next),
        woken AS (SELECT pg_notify(%(channel)s, ''))
        SELECT epoch FROM next, woken
    """
    values = {"principals": list(principals), "channel": CHANNEL}
    return int(handle.execute_sql(statement, values).fetchone()[0])


def announce_token() -> None:
    """Tells watchers, from the commit on, that a token has come into being. Wants the transaction that makes it."""
    invalidate([TOKENS])


def current_epoch() -> int:
    """The epoch of the latest change that has been committed."""
    return int(handle.execute_sql("SELECT epoch FROM revocation_epoch").fetchone()[0])


def begin(watcher: str, service: str) -> int:
    """Takes a new watcher in, with nothing in memory; answers the epoch that it begins with. Wants a transaction."""
    epoch = handle.execute_sql("SELECT epoch FROM revocation_epoch FOR SHARE").fetchone()[0]
    statement = "INSERT INTO watcher (id, service, acknowledged_epoch) VALUES (%s, %s, %s)"
    handle.execute_sql(statement, (watcher, service, epoch))
    return int(epoch)


def renew(acknowledged: Mapping[str, int]) -> set[str]:
    """Extends leases and notes how far each watcher has got; answers those that have not been taken for gone."""
    statement = """
        UPDATE watcher SET renewals = renewals + 1, acknowledged_epoch = greatest(acknowledged_epoch, heard.epoch)
        FROM (VALUES %s) AS heard (id, epoch) WHERE watcher.id = heard.id RETURNING watcher.id
    """
    with handle.cursor() as cursor:
        rows = execute_values(cursor, statement, sorted(acknowledged.items()), page_size=len(acknowledged), fetch=True)
    return {row[0] for row in rows}


def leave(watcher: str) -> None:
    """Ends a lease: the watcher keeps nothing any more."""
    handle.execute_sql("DELETE FROM watcher WHERE id = %s", (watcher,))


def news_since(epoch: int) -> News:
    """The changes after this epoch, the oldest first, as many as fit in an answer; no change is cut in two."""
    statement = """
        SELECT epoch, principal FROM invalidation WHERE epoch > %s
        ORDER BY epoch FETCH FIRST %s ROWS WITH TIES
    """
    rows = handle.execute_sql(statement, (epoch, MAX_NEWS)).fetchall()
    if not rows:
        return News(epoch)
    principals = {row[1] for row in rows}
    return News(rows[-1][0], tuple(principals - {TOKENS}), TOKENS in principals)


def list_watchers() -> list[Watcher]:
    """All watchers, those too that may have gone."""
    rows: Sequence[tuple[str, int, int]] = handle.execute_sql(
        "SELECT id, renewals, acknowledged_epoch FROM watcher"
    ).fetchall()
    return [Watcher(*row) for row in rows]


def end(renewals: Mapping[str, int]) -> None:
    """Takes watchers for gone, by id, that have renewed no more often than this."""
    with handle.cursor() as cursor:
        statement = """
            DELETE FROM watcher USING (VALUES %s) AS gone (id, renewals)
            WHERE watcher.id = gone.id AND watcher.renewals = gone.renewals
        """
        execute_values(cursor, statement, list(renewals.items()), page_size=len(renewals))


def prune() -> None:
    """Removes the news that every watcher has acknowledged; one that begins now needs none of it."""
    handle.execute_sql("""
        DELETE FROM invalidation WHERE epoch <= coalesce(
            (SELECT min(acknowledged_epoch) FROM watcher), (SELECT epoch FROM revocation_epoch))
    """)
