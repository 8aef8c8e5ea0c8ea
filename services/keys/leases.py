"""Leases on verdicts: who keeps verdicts in memory, and when a revocation has reached all of them.

Other services keep verdicts under a lease and hear of changes. A change takes the next epoch from a locked row, in its
own transaction. It is confirmed when every watcher has acknowledged that epoch, or its lease has run out: then nobody
accepts what was accepted before. All of it is in the database, so several Keys processes agree, and one that has just
started knows what the others promised.

The order of two races is what this file is about:
- A watcher that begins reads the epoch under a share lock on the row that revokers lock. It either is in the table
  before the revocation commits, and is waited for, or begins with that epoch, and with nothing in memory.
- A lease that has run out is ended by deleting its row, one that is renewed by updating it, each where it still holds:
  the two wait for each other, so no lease is extended that a revoker has taken for ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.keys.models import handle

LEASE_S = 5.0
MAX_NEWS = 1_000
KEPT_S = 600
"""How long invalidations are kept: far longer than any lease."""
CHANNEL = "keys_epoch"


@dataclass(frozen=True)
class News:
    """What a watcher is told."""

    epoch: int
    key_ids: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """How far an epoch has got."""

    waiting: frozenset[str]
    """Watchers with a lease that have not acknowledged it."""
    acknowledged: frozenset[str]


def invalidate(key_id: str) -> int:
    """Gives a change of a key its epoch; watchers hear of it from its commit on. Wants the change's transaction."""
    statement = """
        WITH next AS (UPDATE revocation_epoch SET epoch = epoch + 1 RETURNING epoch),
        told AS (INSERT INTO invalidation (epoch, key_id) SELECT epoch, %(key)s FROM next),
        woken AS (SELECT pg_notify(%(channel)s, ''))
        SELECT epoch FROM next, woken
    """
    return int(handle.execute_sql(statement, {"key": key_id, "channel": CHANNEL}).fetchone()[0])


def current_epoch() -> int:
    """The epoch of the latest change that has been committed."""
    return int(handle.execute_sql("SELECT epoch FROM revocation_epoch").fetchone()[0])


def begin(watcher: str, service: str) -> int:
    """Takes a new watcher in, with nothing in memory; answers the epoch that it begins with. Wants a transaction."""
    epoch = handle.execute_sql("SELECT epoch FROM revocation_epoch FOR SHARE").fetchone()[0]
    statement = """
        INSERT INTO watcher (id, service, lease_end, acknowledged_epoch)
        VALUES (%s, %s, clock_timestamp() + make_interval(secs => %s), %s)
    """
    handle.execute_sql(statement, (watcher, service, LEASE_S, epoch))
    return int(epoch)


def renew(watcher: str, acknowledged: int) -> bool:
    """Extends a lease and notes how far the watcher has got; False if the lease has run out."""
    statement = """
        UPDATE watcher SET lease_end = clock_timestamp() + make_interval(secs => %s),
            acknowledged_epoch = greatest(acknowledged_epoch, %s)
        WHERE id = %s AND lease_end > clock_timestamp() RETURNING id
    """
    return handle.execute_sql(statement, (LEASE_S, acknowledged, watcher)).fetchone() is not None


def leave(watcher: str) -> None:
    """Ends a lease: the watcher keeps nothing any more."""
    handle.execute_sql("DELETE FROM watcher WHERE id = %s", (watcher,))


def news_since(epoch: int) -> News:
    """The changes after this epoch, the oldest first, as many as fit in an answer."""
    statement = "SELECT epoch, key_id FROM invalidation WHERE epoch > %s ORDER BY epoch LIMIT %s"
    rows = handle.execute_sql(statement, (epoch, MAX_NEWS)).fetchall()
    return News(rows[-1][0] if rows else epoch, tuple(row[1] for row in rows))


def standing(epoch: int) -> Standing:
    """Who has acknowledged the epoch and who is still to; ends the leases that have run out. Wants a transaction."""
    handle.execute_sql("DELETE FROM watcher WHERE lease_end <= clock_timestamp() AND acknowledged_epoch < %s", (epoch,))
    rows: Sequence[tuple[str, bool]] = handle.execute_sql(
        "SELECT id, acknowledged_epoch >= %s FROM watcher", (epoch,)
    ).fetchall()
    return Standing(
        waiting=frozenset(name for name, done in rows if not done),
        acknowledged=frozenset(name for name, done in rows if done),
    )


def prune() -> None:
    """Removes what no watcher can need any more."""
    handle.execute_sql("DELETE FROM watcher WHERE lease_end < now() - make_interval(secs => %s)", (KEPT_S,))
    handle.execute_sql("DELETE FROM invalidation WHERE create_time < now() - make_interval(secs => %s)", (KEPT_S,))
