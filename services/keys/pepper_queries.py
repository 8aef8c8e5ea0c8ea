"""The SQL of what hangs on which secret of the settings: digests on a pepper, sealed secrets on a key."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.extras import execute_values

from services.common.resealing import Kept, Rows
from services.common.vault import Sealed
from services.keys.digest import Kind, Outdated
from services.keys.membership.sessions import ABSOLUTE_END, IDLE_END
from services.keys.models import MemberRow, handle

SESSION = "ses_"
"""How ids of sessions begin; those of secrets of keys are UUIDs."""
_SECRETS_THAT_WORK = """
    FROM key_secret s JOIN api_key k ON k.id = s.key_id
    WHERE k.revoke_time IS NULL AND (k.expire_time IS NULL OR k.expire_time > %(now)s)
        AND (s.end_time IS NULL OR s.end_time > %(now)s)
"""
_HANGING = {
    "secrets of keys": f"SELECT pepper_version, count(*) {_SECRETS_THAT_WORK} GROUP BY 1",
    "operators": "SELECT pepper_version, count(*) FROM operator WHERE revoke_time IS NULL GROUP BY 1",
    "sessions": "SELECT pepper_version, count(*) FROM member_session "
    "WHERE last_use_time > %(unused)s AND create_time > %(begun)s GROUP BY 1",
    "invitations": "SELECT pepper_version, count(*) FROM invitation "
    "WHERE revoke_time IS NULL AND accept_time IS NULL AND expire_time > %(now)s GROUP BY 1",
    "links to set a password": "SELECT pepper_version, count(*) FROM password_reset WHERE expire_time > %(now)s "
    "GROUP BY 1",
    "recovery codes": "SELECT pepper_version, count(*) FROM member_recovery_code GROUP BY 1",
}
_MOVE = """
    WITH wanted (kept, digest, version) AS (VALUES %s), held AS (
        -- Whoever has a row locked may be doing the same: nobody waits here, so no two can wait for each other.
        SELECT kept, wanted.digest, version FROM wanted JOIN {table} moving ON moving.digest = kept
        FOR UPDATE OF moving SKIP LOCKED
    )
    UPDATE {table} SET digest = held.digest, pepper_version = version FROM held WHERE {table}.digest = kept
"""


@dataclass(frozen=True)
class Hanging:
    """Somebody who would be refused if a pepper were dropped."""

    name: str
    """The resource name."""
    display_name: str
    hint: str = ""
    last_use_time: datetime | None = None
    """None: not known, or never."""


def move(kind: Kind, wanted: Sequence[Outdated]) -> None:
    """Moves digests to another pepper; those that are locked, or have been moved or ended meanwhile, stay."""
    rows = [(each.kept.value, each.wanted.value, each.wanted.pepper_version) for each in wanted]
    with handle.cursor() as cursor:
        execute_values(cursor, _MOVE.format(table=kind.value), rows, page_size=len(rows))


def find_outdated(credential_ids: Collection[str], version: int, limit: int) -> list[str]:
    """Whose credentials of these ids are kept under another pepper than that of this version: "keys/…", "members/…".

    The ids are those of sessions and of secrets of keys.
    """
    sessions = [each for each in credential_ids if each.startswith(SESSION)]
    secrets = [each for each in credential_ids if not each.startswith(SESSION)]
    statement = """
        SELECT 'keys/' || key_id FROM key_secret WHERE id = ANY (%(secrets)s::uuid[]) AND pepper_version <> %(version)s
        UNION
        SELECT 'members/' || member_id FROM member_session
        WHERE id = ANY (%(sessions)s::text[]) AND pepper_version <> %(version)s
        LIMIT %(limit)s
    """
    values = {"secrets": secrets, "sessions": sessions, "version": version, "limit": limit}
    return [row[0] for row in handle.execute_sql(statement, values)]


def count_peppered(now: datetime) -> dict[int, dict[str, int]]:
    """How much that is accepted at `now` hangs on each version of the peppers, by what it is."""
    values = {"now": now, "unused": now - IDLE_END, "begun": now - ABSOLUTE_END}
    found: dict[int, dict[str, int]] = {}
    for what, statement in _HANGING.items():
        for version, count in handle.execute_sql(statement, values):
            found.setdefault(version, {})[what] = count
    return found


def count_used(version: int, since: datetime, now: datetime) -> dict[str, int]:
    """How much on this version of the peppers has been used since a moment, of what moves when it is used."""
    values = {"version": version, "since": since, "now": now}
    statements = {
        "secrets of keys": f"SELECT count(*) {_SECRETS_THAT_WORK} "
        "AND s.pepper_version = %(version)s AND s.last_use_time > %(since)s",
        "sessions": "SELECT count(*) FROM member_session "
        "WHERE pepper_version = %(version)s AND last_use_time > %(since)s",
    }
    return {what: int(handle.execute_sql(each, values).fetchone()[0]) for what, each in statements.items()}


def list_keys_on(version: int, now: datetime, limit: int) -> list[Hanging]:
    """Secrets of keys that hang on this version of the peppers, those used last first."""
    statement = f"""
        SELECT 'stores/' || k.store_id || '/keys/' || k.id, k.display_name, s.hint, s.last_use_time
        {_SECRETS_THAT_WORK} AND s.pepper_version = %(version)s
        ORDER BY s.last_use_time DESC NULLS LAST, s.id LIMIT %(limit)s
    """
    values = {"now": now, "version": version, "limit": limit}
    return [Hanging(*row) for row in handle.execute_sql(statement, values)]


def list_operators_on(version: int, limit: int) -> list[Hanging]:
    """Operators whose tokens hang on this version of the peppers, the newest first."""
    statement = """
        SELECT 'operators/' || id, display_name, hint FROM operator
        WHERE revoke_time IS NULL AND pepper_version = %s ORDER BY id DESC LIMIT %s
    """
    return [Hanging(*row) for row in handle.execute_sql(statement, (version, limit))]


def list_members_on(version: int, limit: int) -> list[Hanging]:
    """Members whose recovery codes hang on this version of the peppers, by their emails."""
    statement = """
        SELECT 'members/' || id, email FROM member
        WHERE id IN (SELECT member_id FROM member_recovery_code WHERE pepper_version = %s) ORDER BY email LIMIT %s
    """
    return [Hanging(*row) for row in handle.execute_sql(statement, (version, limit))]


def count_one_time_codes() -> dict[int, dict[str, int]]:
    """The same, in words."""
    return {version: {"secrets for one-time codes": count} for version, count in count_sealed().items()}


def count_sealed() -> dict[int, int]:
    """How many members' secrets for one-time codes each version of the keys seals."""
    statement = "SELECT totp_key_version, count(*) FROM member WHERE totp_secret IS NOT NULL GROUP BY 1"
    return dict(handle.execute_sql(statement).fetchall())


def lock_sealed(version: int, after: Sequence[Any] | None, limit: int) -> list[Kept]:
    """Secrets for one-time codes that are sealed under another key, in the order of their members' ids, locked.

    Without those that somebody else has locked.
    """
    statement = """
        SELECT id, totp_secret, totp_key_version FROM member
        WHERE totp_secret IS NOT NULL AND totp_key_version <> %s AND id > %s
        ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
    """
    rows = handle.execute_sql(statement, (version, after[0] if after else "", limit))
    return [Kept((member,), member, Sealed(bytes(sealed), kept)) for member, sealed, kept in rows]


def update_sealed(kept: Kept, sealed: Sealed) -> bool:
    """Puts a secret that was sealed anew in the place of the one that it was made from; False if that has gone."""
    same = (MemberRow.id == kept.owner_id) & (MemberRow.totp_secret == kept.sealed.value)
    changed = MemberRow.update(totp_secret=sealed.value, totp_key_version=sealed.version).where(same)
    return bool(changed.execute())


SEALED = Rows(count_sealed, lock_sealed, update_sealed)
