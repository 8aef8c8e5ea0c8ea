"""All SQL of the Keys service. What it answers are frozen records; no peewee model leaves this file."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from services.common.paging import Position
from services.keys.digest import Digest
from services.keys.models import KeyRow, OperatorRow, SecretRow


@dataclass(frozen=True)
class Key:
    """An API key as it is kept."""

    id: str
    store_id: str
    display_name: str
    scopes: tuple[str, ...]
    stores: tuple[str, ...]
    creator: str
    hint: str
    create_time: datetime
    expire_time: datetime | None
    revoke_time: datetime | None


@dataclass(frozen=True)
class Operator:
    """An operator as it is kept."""

    id: str
    revoke_time: datetime | None


def insert_key(key: Key, digest: Digest, request_id: str | None) -> bool:
    """Adds a key with its one secret; False, and nothing added, if this request has made one before."""
    inserted = KeyRow.insert(
        id=key.id,
        store_id=key.store_id,
        display_name=key.display_name,
        scopes=list(key.scopes),
        stores=list(key.stores),
        creator=key.creator,
        request_id=request_id,
        create_time=key.create_time,
        expire_time=key.expire_time,
    )
    # Waits for a concurrent repeat of the request to commit, so that one of the two makes the key.
    if not inserted.on_conflict_ignore().returning(KeyRow.id).execute():
        return False
    SecretRow.insert(
        digest=digest.value,
        pepper_version=digest.pepper_version,
        key=key.id,
        hint=key.hint,
        create_time=key.create_time,
    ).execute()
    return True


def find_key(store_id: str, key_id: str) -> Key | None:
    """The key of this id, if it was made in this store."""
    row = _keys().where(KeyRow.id == key_id, KeyRow.store_id == store_id).first()
    return _key(row) if row else None


def find_key_by_request(store_id: str, request_id: str) -> str:
    """The id of the key that this request has made."""
    query = KeyRow.select(KeyRow.id).where(KeyRow.store_id == store_id, KeyRow.request_id == request_id)
    return str(query.get().id)


def find_key_by_digest(digests: Sequence[Digest]) -> tuple[Key, bytes] | None:
    """The key that one of these digests is a secret of, and that digest."""
    row = _keys().where(SecretRow.digest.in_([each.value for each in digests])).first()
    return (_key(row), bytes(row["digest"])) if row else None


def list_keys(store_id: str, after: Position | None, limit: int) -> list[Key]:
    """Keys made in a store, newest first, from behind `after` ([id]) on."""
    query = _keys().where(KeyRow.store_id == store_id)
    if after is not None:
        query = query.where(KeyRow.id < after[0])
    return [_key(row) for row in query.order_by(KeyRow.id.desc()).limit(limit)]


def revoke_key(key_id: str, now: datetime) -> None:
    """Marks a key as revoked, unless it is already."""
    KeyRow.update(revoke_time=now).where(KeyRow.id == key_id, KeyRow.revoke_time.is_null()).execute()


def insert_operator(operator_id: str, display_name: str, digest: Digest, hint: str, now: datetime) -> None:
    """Adds an operator."""
    OperatorRow.insert(
        id=operator_id,
        display_name=display_name,
        digest=digest.value,
        pepper_version=digest.pepper_version,
        hint=hint,
        create_time=now,
    ).execute()


def find_operator_by_digest(digests: Sequence[Digest]) -> tuple[Operator, bytes] | None:
    """The operator whose token one of these digests is of, and that digest."""
    row = OperatorRow.select().where(OperatorRow.digest.in_([each.value for each in digests])).first()
    return (Operator(row.id, row.revoke_time), bytes(row.digest)) if row else None


def _keys() -> Any:
    """Keys with their secret, one statement for both."""
    columns = [field for field in KeyRow._meta.sorted_fields if field is not KeyRow.request_id]
    return KeyRow.select(*columns, SecretRow.hint, SecretRow.digest).join(SecretRow).dicts()


def _key(row: dict[str, Any]) -> Key:
    values = {field.name: row[field.name] for field in fields(Key)}
    return Key(**values | {"scopes": tuple(row["scopes"]), "stores": tuple(row["stores"])})
