"""The SQL of keys, secrets and their uses, suspensions and operators. It answers frozen records, no peewee models."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any

from psycopg2.extras import execute_values
from sedifex.keys.v1 import keys_pb2

from services.common.paging import Position
from services.keys.digest import Digest
from services.keys.models import (
    KeyRow,
    MembershipRow,
    OperatorRow,
    SecretRow,
    SuspensionRow,
    handle,
)

State = keys_pb2.Key.State

DAYS_OF_USE = 14
HOURS_OF_USE = 24
"""For how many days it is known how often a key was used."""


@dataclass(frozen=True)
class Secret:
    """A secret of a key as it is kept: never the secret itself."""

    digest: bytes
    hint: str
    create_time: datetime
    end_time: datetime | None = None
    """When it stops being accepted; None: it lasts as long as the key."""
    last_use_time: datetime | None = None
    last_use_address: str = ""
    last_use_agent: str = ""
    id: str = ""
    """Stays the same when the digest is moved to another pepper. Empty: it is not kept yet."""


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
    allowed_cidrs: tuple[str, ...] = ()
    """From where it may be used; empty: from anywhere."""
    expiry_told: str = ""
    """How far its end has been told of: '', 'expiring', 'expired'."""
    version: int = 1
    secrets: tuple[Secret, ...] = ()
    """Newest first; those too that are accepted no more."""
    daily_uses: tuple[int, ...] = ()
    """On each of the last days, today last; read only where somebody is shown them."""

    @property
    def etag(self) -> str:
        """A value that changes whenever the key does."""
        return str(self.version)


_BESIDE = {"secrets", "daily_uses"}
"""What of a key stands in tables of its own."""


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
        allowed_cidrs=list(key.allowed_cidrs),
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

    epoch: int
    """Of the latest change that this takes into account."""
    key: Key | None = None
    """Without its other secrets. None: it is no key's."""
    suspended: tuple[str, ...] = ()
    """Those of the key's stores that are suspended."""


def find_key_by_digest(digests: Sequence[Digest]) -> Found:
    """The key that one of these digests is a secret of, as of the epoch that comes with it."""
    secret_columns = ", ".join(f"s.{field.name} AS secret_{field.name}" for field in fields(Secret))
    key_columns = ", ".join(f"k.{field.name}" for field in fields(Key) if field.name not in _BESIDE)
    statement = f"""
        SELECT e.epoch, {secret_columns}, {key_columns},
            ARRAY(SELECT store_id FROM store_suspension WHERE store_id = ANY (k.stores)) AS suspended
        FROM revocation_epoch e
        LEFT JOIN (key_secret s JOIN api_key k ON k.id = s.key_id) ON s.digest = ANY (%s)
        LIMIT 1
    """  # noqa: S608 - names of our own fields
    cursor = handle.execute_sql(statement, ([each.value for each in digests],))
    row = dict(zip((column.name for column in cursor.description), cursor.fetchone(), strict=True))
    if row["id"] is None:
        return Found(row["epoch"])
    secret = _secret({field.name: row[f"secret_{field.name}"] for field in fields(Secret)})
    key = replace(_key(row), secrets=(secret,))
    return Found(row["epoch"], key, tuple(row["suspended"]))


@dataclass(frozen=True)
class StateFilter:
    """Keys that are in this state at `now`; a key expires soon if it does before `soon`."""

    state: keys_pb2.Key.State.ValueType
    now: datetime
    soon: datetime


def list_keys(store_id: str, wanted: StateFilter | None, after: Position | None, limit: int) -> list[Key]:
    """Keys that reach a store, newest first, from behind `after` ([id]) on; in one state if one is wanted."""
    query = KeyRow.select().where(KeyRow.stores.contains([store_id]))
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
        stores=list(key.stores),
        allowed_cidrs=list(key.allowed_cidrs),
        expire_time=key.expire_time,
        revoke_time=key.revoke_time,
        expiry_told=key.expiry_told,
        version=key.version,
    ).where(KeyRow.id == key.id).execute()


def lock_key_to_tell_of(now: datetime, soon: datetime) -> Key | None:
    """A key whose end has come, or comes before `soon`, and was not told of; one that nobody else has locked."""
    has_come = (KeyRow.expire_time <= now) & (KeyRow.expiry_told != "expired")
    comes = (KeyRow.expire_time < soon) & (KeyRow.expiry_told == "")
    query = KeyRow.select().where(KeyRow.revoke_time.is_null(), has_come | comes)
    return _one(query.order_by(KeyRow.expire_time).limit(1).for_update(for_update=True, skip_locked=True))


def count_keys(store_id: str, now: datetime) -> int:
    """How many keys were made in a store and have not ended."""
    lasting = KeyRow.expire_time.is_null() | (KeyRow.expire_time > now)
    return int(KeyRow.select().where(KeyRow.store_id == store_id, KeyRow.revoke_time.is_null(), lasting).count())


def count_expiring(now: datetime, soon: datetime, limit: int) -> int:
    """How many keys end between these moments; at most `limit`."""
    # The last condition is that of the index.
    between = (KeyRow.expire_time > now) & (KeyRow.expire_time < soon) & (KeyRow.expiry_told != "expired")
    found = KeyRow.select(KeyRow.id).where(KeyRow.revoke_time.is_null(), between).limit(limit)
    return int(found.count(clear_limit=False))


def set_secret_ends(ends: Mapping[str, datetime | None]) -> None:
    """Sets when secrets end, by id, in the order given: a key may have one lasting secret at any moment.

    Not by digest, which may be moved to another pepper meanwhile: then a secret would not end.
    """
    for secret_id, end_time in ends.items():
        SecretRow.update(end_time=end_time).where(SecretRow.id == secret_id).execute()


@dataclass(frozen=True)
class Use:
    """A use of a credential."""

    time: datetime
    """The last time."""
    address: str
    agent: str
    count: int = 1
    """How often."""


def note_uses(uses: Mapping[str, Use]) -> None:
    """Moves the last use of secrets on, by their ids, only ever forward, and counts them by key, day and hour.

    One statement, so that all or nothing is done. Days and hours of those keys go that nobody is shown any more.
    """
    statement = f"""
        WITH used (id, at, address, agent, uses) AS (VALUES %s),
        moved AS (
            UPDATE key_secret SET last_use_time = at, last_use_address = address, last_use_agent = agent
            FROM used WHERE key_secret.id = used.id::uuid AND (last_use_time IS NULL OR last_use_time < at)
        ),
        counted AS (
            SELECT key_id, (at AT TIME ZONE 'UTC')::date AS day, sum(uses) AS uses
            FROM used JOIN key_secret ON key_secret.id = used.id::uuid GROUP BY 1, 2
        ),
        forgotten AS (
            DELETE FROM key_use_day old USING counted
            WHERE old.key_id = counted.key_id AND old.day < counted.day - {DAYS_OF_USE}
        ),
        by_hour AS (
            SELECT key_id, date_trunc('hour', at, 'UTC') AS hour, sum(uses) AS uses
            FROM used JOIN key_secret ON key_secret.id = used.id::uuid GROUP BY 1, 2
        ),
        hours_forgotten AS (
            DELETE FROM key_use_hour old USING by_hour
            WHERE old.key_id = by_hour.key_id AND old.hour < by_hour.hour - interval '{2 * HOURS_OF_USE} hours'
        ),
        hours_counted AS (
            INSERT INTO key_use_hour (key_id, hour, uses) SELECT key_id, hour, uses FROM by_hour ORDER BY 1, 2
            ON CONFLICT (key_id, hour) DO UPDATE SET uses = key_use_hour.uses + excluded.uses
        )
        INSERT INTO key_use_day (key_id, day, uses) SELECT key_id, day, uses FROM counted ORDER BY 1, 2
        ON CONFLICT (key_id, day) DO UPDATE SET uses = key_use_day.uses + excluded.uses
    """  # noqa: S608 - numbers of ours
    rows = [(name, use.time, use.address, use.agent, use.count) for name, use in uses.items()]
    with handle.cursor() as cursor:
        execute_values(cursor, statement, rows, page_size=len(rows))


def read_daily_uses(key_ids: Sequence[str], today: date) -> dict[str, tuple[int, ...]]:
    """How often each was used on each of the last days, `today` last, by the key's id; without those that were not."""
    statement = "SELECT key_id, day, uses FROM key_use_day WHERE key_id = ANY (%s) AND day > %s"
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * DAYS_OF_USE)
    for key_id, day, uses in handle.execute_sql(statement, (list(key_ids), today - timedelta(days=DAYS_OF_USE))):
        if day <= today:  # the clocks of two processes may differ about midnight
            counts[key_id][DAYS_OF_USE - 1 - (today - day).days] = uses
    return {key_id: tuple(each) for key_id, each in counts.items()}


def read_hourly_uses(store_id: str, hours: Sequence[datetime]) -> list[int]:
    """How often the keys that reach a store were used in the hours that begin at these moments, one after the other."""
    statement = """
        SELECT hour, sum(uses) FROM key_use_hour JOIN api_key ON api_key.id = key_id
        WHERE stores @> ARRAY[%s] AND hour BETWEEN %s AND %s GROUP BY hour
    """
    counts = dict(handle.execute_sql(statement, (store_id, hours[0], hours[-1])).fetchall())
    return [int(counts.get(hour, 0)) for hour in hours]


def list_owners(store_ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """The owners of stores: ids of members by the id of the store."""
    owners: dict[str, set[str]] = {store_id: set() for store_id in store_ids}
    owned = MembershipRow.select().where(MembershipRow.store_id.in_(store_ids), MembershipRow.role == "owner")
    for row in owned:
        owners[row.store_id].add(row.member_id)
    return {store_id: frozenset(members) for store_id, members in owners.items()}


def list_principals(store_id: str) -> list[str]:
    """Whoever reaches a store: keys that were not revoked, and members."""
    keys = KeyRow.select(KeyRow.id).where(KeyRow.stores.contains([store_id]), KeyRow.revoke_time.is_null())
    members = MembershipRow.select(MembershipRow.member_id).where(MembershipRow.store_id == store_id)
    return [f"keys/{row.id}" for row in keys] + [f"members/{row.member_id}" for row in members]


def insert_suspension(store_id: str, reason: str, now: datetime) -> bool:
    """Suspends a store; False if it is suspended already."""
    inserted = SuspensionRow.insert(store_id=store_id, reason=reason, create_time=now)
    return bool(inserted.on_conflict_ignore().returning(SuspensionRow.store_id).execute())


def delete_suspension(store_id: str) -> str | None:
    """Ends the suspension of a store, answering its reason; None if it was not suspended."""
    row: Any = SuspensionRow.delete().where(SuspensionRow.store_id == store_id).returning(SuspensionRow.reason)
    return next((each.reason for each in row.execute()), None)


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
    values = {field.name: row[field.name] for field in fields(Key) if field.name not in _BESIDE}
    return Key(**values | {name: tuple(row[name]) for name in ("scopes", "stores", "allowed_cidrs")})


def _secret(row: dict[str, Any]) -> Secret:
    return Secret(**row | {"digest": bytes(row["digest"]), "id": str(row["id"])})
