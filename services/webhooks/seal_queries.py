"""The SQL of sealed signing secrets: on which key they hang, and how they are moved to another.

Only those that sign, now or when their endpoint is enabled again: nobody opens the others any more.
"""

from collections.abc import Sequence
from typing import Any

from services.common.resealing import Kept, Rows
from services.common.vault import Sealed
from services.webhooks.models import EndpointSecretRow, handle

_SIGNING = """
    FROM endpoint_secret secret JOIN endpoint ON endpoint.id = secret.endpoint_id
    WHERE endpoint.delete_time IS NULL AND (secret.end_time IS NULL OR secret.end_time > now())
"""


def count_sealed() -> dict[int, int]:
    """How many signing secrets each version of the keys seals."""
    return dict(handle.execute_sql(f"SELECT seal_version, count(*) {_SIGNING} GROUP BY 1").fetchall())


def count_signing() -> dict[int, dict[str, int]]:
    """The same, in words."""
    return {version: {"signing secrets": count} for version, count in count_sealed().items()}


def lock_sealed(version: int, after: Sequence[Any] | None, limit: int) -> list[Kept]:
    """Signing secrets that are sealed under another key, in the order of their endpoints, locked.

    Without those that somebody else has locked.
    """
    statement = f"""
        SELECT secret.endpoint_id, secret.create_time, secret.sealed, secret.seal_version
        {_SIGNING} AND secret.seal_version <> %s
            AND (secret.endpoint_id, secret.create_time) > (%s, %s::timestamptz)
        ORDER BY secret.endpoint_id, secret.create_time LIMIT %s FOR NO KEY UPDATE OF secret SKIP LOCKED
    """
    rows = handle.execute_sql(statement, (version, *(after or ("", "-infinity")), limit))
    return [
        Kept((endpoint, created), endpoint, Sealed(bytes(sealed), kept)) for endpoint, created, sealed, kept in rows
    ]


def update_sealed(kept: Kept, sealed: Sealed) -> bool:
    """Puts a secret that was sealed anew in the place of the one that it was made from; False if that has gone."""
    endpoint_id, create_time = kept.position
    same = (
        (EndpointSecretRow.endpoint_id == endpoint_id)
        & (EndpointSecretRow.create_time == create_time)
        & (EndpointSecretRow.sealed == kept.sealed.value)
    )
    changed = EndpointSecretRow.update(sealed=sealed.value, seal_version=sealed.version).where(same)
    return bool(changed.execute())


SEALED = Rows(count_sealed, lock_sealed, update_sealed)
