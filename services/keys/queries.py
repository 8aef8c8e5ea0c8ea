"""All SQL of the Keys service. What it answers are frozen records; no peewee model leaves this file."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

import peewee
from psycopg2.extras import execute_values
from sedifex.keys.v1 import keys_pb2

from services.common.paging import Position
from services.keys.digest import Digest
from services.keys.models import AuditEntryRow, AuditHeadRow, KeyRow, OperatorRow, SecretRow, handle

State = keys_pb2.Key.State


@dataclass(frozen=True)
class Secret:
    """A secret of a key as it is kept: never the secret itself."""

    digest: bytes
    hint: str
    create_time: datetime
    end_time: datetime | None = None
    """When it stops being accepted; None: it lasts as long as the key."""
    last_use_time: datetime | None = None


@dataclass(frozen=True)
class Key:
    """An API key as it is kept."""

    id: str
    store_id: str
    display_name: str
    scopes: tuple[str, ...]
    stores: tuple[str, ...]
    creator: str
    create_time: datetime
    expire_time: datetime | None
    revoke_time: datetime | None
    version: int = 1
    secrets: tuple[Secret, ...] = ()
    """Newest first; those too that are accepted no more."""

    @property
    def etag(self) -> str:
        """A value that changes whenever the key does."""
        return str(self.version)


@dataclass(frozen=True)
class AuditEntry:
    """An entry of the audit log."""

    store_id: str
    sequence: int
    id: str
    occur_time: datetime
    actor: str
    action: str
    resource: str
    request_id: str
    before: str | None
    """JSON."""
    after: str | None
    """JSON."""
    previous_hash: bytes
    hash: bytes


@dataclass(frozen=True)
class AuditFilter:
    """Which entries are wanted; what is empty or None does not matter."""

    actor: str = ""
    action: str = ""
    resource: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    """The moment before which."""


@dataclass(frozen=True)
class Operator:
    """An operator as it is kept: never the token."""

    id: str
    display_name: str
    hint: str
    create_time: datetime
    revoke_time: datetime | None


def insert_key(key: Key, request_id: str | None) -> bool:
    """Adds a key without secrets; False, and nothing added, if this request has made one before."""
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
    return bool(inserted.on_conflict_ignore().returning(KeyRow.id).execute())


def insert_secret(key_id: str, secret: Secret, pepper_version: int, request_id: str | None) -> None:
    """Adds a secret to a key."""
    SecretRow.insert(
        id=uuid.uuid4(),
        digest=secret.digest,
        pepper_version=pepper_version,
        key=key_id,
        hint=secret.hint,
        create_time=secret.create_time,
        end_time=secret.end_time,
        request_id=request_id,
    ).execute()


def find_key(store_id: str, key_id: str) -> Key | None:
    """The key of this id, if it was made in this store."""
    return _one(KeyRow.select().where(KeyRow.id == key_id, KeyRow.store_id == store_id))


def lock_key(store_id: str, key_id: str) -> Key | None:
    """The same, locked until the transaction ends."""
    return _one(KeyRow.select().where(KeyRow.id == key_id, KeyRow.store_id == store_id).for_update())


def find_key_by_request(store_id: str, request_id: str) -> str:
    """The id of the key that this request has made."""
    query = KeyRow.select(KeyRow.id).where(KeyRow.store_id == store_id, KeyRow.request_id == request_id)
    return str(query.get().id)


def has_secret_of_request(key_id: str, request_id: str) -> bool:
    """Whether this request has made a secret of this key."""
    return SecretRow.select().where(SecretRow.key == key_id, SecretRow.request_id == request_id).exists()


@dataclass(frozen=True)
class Found:
    """What a token was found to be, all of one moment: one statement."""

    key: Key
    """Without its other secrets."""
    secret: Secret
    secret_id: str
    epoch: int
    """Of the latest revocation that this takes into account."""


def find_key_by_digest(digests: Sequence[Digest]) -> Found | None:
    """The key that one of these digests is a secret of."""
    secret_columns = [getattr(SecretRow, field.name).alias(f"secret_{field.name}") for field in fields(Secret)]
    others = [SecretRow.id.alias("secret_id"), peewee.SQL("(SELECT epoch FROM revocation_epoch) AS epoch")]
    query = KeyRow.select(*KeyRow._meta.sorted_fields, *secret_columns, *others).join(SecretRow).dicts()
    row: Any = query.where(SecretRow.digest.in_([each.value for each in digests])).first()
    if row is None:
        return None
    secret = _secret({field.name: row[f"secret_{field.name}"] for field in fields(Secret)})
    return Found(replace(_key(row), secrets=(secret,)), secret, str(row["secret_id"]), row["epoch"])


@dataclass(frozen=True)
class StateFilter:
    """Keys that are in this state at `now`; a key expires soon if it does before `soon`."""

    state: keys_pb2.Key.State.ValueType
    now: datetime
    soon: datetime


def list_keys(store_id: str, wanted: StateFilter | None, after: Position | None, limit: int) -> list[Key]:
    """Keys made in a store, newest first, from behind `after` ([id]) on; in one state if one is wanted."""
    query = KeyRow.select().where(KeyRow.store_id == store_id)
    if wanted is not None:
        query = query.where(_in_state(wanted))
    if after is not None:
        query = query.where(KeyRow.id < after[0])
    return _with_secrets(query.order_by(KeyRow.id.desc()).limit(limit))


def update_key(key: Key) -> None:
    """Writes what can be changed of a key, and its version."""
    KeyRow.update(
        display_name=key.display_name,
        scopes=list(key.scopes),
        expire_time=key.expire_time,
        revoke_time=key.revoke_time,
        version=key.version,
    ).where(KeyRow.id == key.id).execute()


def set_secret_ends(ends: Mapping[bytes, datetime | None]) -> None:
    """Sets when secrets end, by digest, in the order given: a key may have one lasting secret at any moment."""
    for digest, end_time in ends.items():
        SecretRow.update(end_time=end_time).where(SecretRow.digest == digest).execute()


def note_uses(uses: Mapping[str, datetime]) -> None:
    """Moves the last use of secrets on, by their ids; only ever forward."""
    statement = """
        UPDATE key_secret SET last_use_time = used.at FROM (VALUES %s) AS used (id, at)
        WHERE key_secret.id = used.id::uuid AND (last_use_time IS NULL OR last_use_time < used.at)
    """
    with handle.cursor() as cursor:
        execute_values(cursor, statement, list(uses.items()), page_size=len(uses))


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
    return (_operator(row), bytes(row.digest)) if row else None


def find_operator(operator_id: str) -> Operator | None:
    """The operator of this id."""
    row = OperatorRow.get_or_none(OperatorRow.id == operator_id)
    return _operator(row) if row else None


def list_operators(limit: int) -> list[Operator]:
    """Operators, newest first, those too that are revoked."""
    return [_operator(row) for row in OperatorRow.select().order_by(OperatorRow.id.desc()).limit(limit)]


def revoke_operator(operator_id: str, now: datetime) -> bool:
    """Ends an operator; False if there is none of this id that has not ended. The first moment stays."""
    ending = OperatorRow.update(revoke_time=now).where(
        OperatorRow.id == operator_id, OperatorRow.revoke_time.is_null(True)
    )
    return bool(ending.execute())


def lock_audit_head(store_id: str, beginning: bytes) -> tuple[int, bytes]:
    """The sequence and hash at the end of the store's chain, locked until the transaction ends.

    Before the first entry they are 0 and `beginning`; the row is made then, so that two first ones wait for each other.
    """
    AuditHeadRow.insert(store_id=store_id, sequence=0, hash=beginning).on_conflict_ignore().execute()
    row = AuditHeadRow.select().where(AuditHeadRow.store_id == store_id).for_update().get()
    return row.sequence, bytes(row.hash)


def find_audit_head(store_id: str) -> tuple[int, bytes] | None:
    """The sequence and hash at the end of the store's chain; None if it has none."""
    row = AuditHeadRow.select().where(AuditHeadRow.store_id == store_id).first()
    return (row.sequence, bytes(row.hash)) if row else None


def append_audit_entry(entry: AuditEntry, entry_hash: bytes) -> None:
    """Adds an entry and moves the end of the chain on to it; the end must be locked."""
    AuditEntryRow.insert(**asdict(replace(entry, hash=entry_hash))).execute()
    AuditHeadRow.update(sequence=entry.sequence, hash=entry_hash).where(
        AuditHeadRow.store_id == entry.store_id
    ).execute()


def list_audit_entries(store_id: str, wanted: AuditFilter, after: Position | None, limit: int) -> list[AuditEntry]:
    """The store's entries that pass the filter, newest first, from behind `after` ([sequence]) on."""
    query = AuditEntryRow.select().where(AuditEntryRow.store_id == store_id)
    for name in ("actor", "action", "resource"):
        if value := getattr(wanted, name):
            query = query.where(getattr(AuditEntryRow, name) == value)
    if wanted.start_time is not None:
        query = query.where(AuditEntryRow.occur_time >= wanted.start_time)
    if wanted.end_time is not None:
        query = query.where(AuditEntryRow.occur_time < wanted.end_time)
    if after is not None:
        query = query.where(AuditEntryRow.sequence < after[0])
    return _audit_entries(query.order_by(AuditEntryRow.sequence.desc()).limit(limit))


def read_audit_chain(store_id: str, after: int, limit: int) -> list[AuditEntry]:
    """The store's entries in the order of the chain, from behind this sequence on."""
    query = AuditEntryRow.select().where(AuditEntryRow.store_id == store_id, AuditEntryRow.sequence > after)
    return _audit_entries(query.order_by(AuditEntryRow.sequence).limit(limit))


def list_audited_stores() -> list[str]:
    """Ids of all stores that have entries or should have."""
    stores = AuditHeadRow.select(AuditHeadRow.store_id).union(AuditEntryRow.select(AuditEntryRow.store_id))
    return sorted(row.store_id for row in stores)


def _audit_entries(query: Any) -> list[AuditEntry]:
    return [
        AuditEntry(**row | {"previous_hash": bytes(row["previous_hash"]), "hash": bytes(row["hash"])})
        for row in query.dicts()
    ]


def _operator(row: OperatorRow) -> Operator:
    return Operator(**{field.name: getattr(row, field.name) for field in fields(Operator)})


def _in_state(wanted: StateFilter) -> Any:
    """The condition for `lifecycle.state_of` to be the wanted state."""
    revoked = KeyRow.revoke_time.is_null(False)
    expired = KeyRow.expire_time.is_null(False) & (KeyRow.expire_time <= wanted.now)
    overlapping = SecretRow.select(SecretRow.key).where(SecretRow.end_time > wanted.now)
    rotating = KeyRow.id.in_(overlapping)
    soon = KeyRow.expire_time.is_null(False) & (KeyRow.expire_time < wanted.soon)
    return {
        State.STATE_REVOKED: revoked,
        State.STATE_EXPIRED: ~revoked & expired,
        State.STATE_ROTATING: ~revoked & ~expired & rotating,
        State.STATE_EXPIRING_SOON: ~revoked & ~expired & ~rotating & soon,
        State.STATE_ACTIVE: ~revoked & ~expired & ~rotating & ~soon,
    }[wanted.state]


def _one(query: Any) -> Key | None:
    found = _with_secrets(query)
    return found[0] if found else None


def _with_secrets(query: Any) -> list[Key]:
    """The keys of a query, with their secrets: two statements however many keys there are."""
    keys = [_key(row) for row in query.dicts()]
    secrets: dict[str, list[Secret]] = defaultdict(list)
    columns = [getattr(SecretRow, field.name) for field in fields(Secret)]
    found: Any = SecretRow.select(SecretRow.key, *columns).where(SecretRow.key.in_([key.id for key in keys]))
    for row in found.order_by(SecretRow.create_time.desc()).dicts():
        secrets[row.pop("key")].append(_secret(row))
    return [replace(key, secrets=tuple(secrets[key.id])) for key in keys]


def _key(row: dict[str, Any]) -> Key:
    values = {field.name: row[field.name] for field in fields(Key) if field.name != "secrets"}
    return Key(**values | {"scopes": tuple(row["scopes"]), "stores": tuple(row["stores"])})


def _secret(row: dict[str, Any]) -> Secret:
    return Secret(**row | {"digest": bytes(row["digest"])})
