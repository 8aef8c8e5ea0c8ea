"""The tables of the Keys service, for peewee. Only `queries` imports the tables."""

import peewee
from playhouse.postgres_ext import ArrayField, DateTimeTZField

from services.common.outbox import Outbox

handle = peewee.PostgresqlDatabase(None, autoconnect=False)
outbox = Outbox(handle, "keys_outbox")


class _Table(peewee.Model):
    class Meta:
        database = handle
        legacy_table_names = False


class KeyRow(_Table):
    """An API key. Its secrets stand apart, so that it keeps its identity when they change."""

    id = peewee.TextField(primary_key=True)
    store_id = peewee.TextField()
    display_name = peewee.TextField()
    scopes = ArrayField(peewee.TextField)
    stores = ArrayField(peewee.TextField)
    allowed_cidrs = ArrayField(peewee.TextField, default=list)
    creator = peewee.TextField()
    request_id = peewee.TextField(null=True)
    create_time = DateTimeTZField()
    expire_time = DateTimeTZField(null=True)
    revoke_time = DateTimeTZField(null=True)
    expiry_told = peewee.TextField(default="")
    version = peewee.BigIntegerField(default=1)

    class Meta:
        table_name = "api_key"


class SecretRow(_Table):
    """A secret of a key, as its digest."""

    digest = peewee.BlobField(primary_key=True)
    id = peewee.UUIDField(unique=True)
    pepper_version = peewee.IntegerField()
    key = peewee.ForeignKeyField(KeyRow, column_name="key_id", backref="secrets")
    hint = peewee.TextField()
    create_time = DateTimeTZField()
    end_time = DateTimeTZField(null=True)
    last_use_time = DateTimeTZField(null=True)
    last_use_address = peewee.TextField(default="")
    last_use_agent = peewee.TextField(default="")
    request_id = peewee.TextField(null=True)

    class Meta:
        table_name = "key_secret"


class AuditEntryRow(_Table):
    """An entry of the audit log. `before` and `after` are JSON as text: the hash is over every character of it."""

    store_id = peewee.TextField()
    sequence = peewee.BigIntegerField()
    id = peewee.TextField(unique=True)
    occur_time = DateTimeTZField()
    actor = peewee.TextField()
    action = peewee.TextField()
    resource = peewee.TextField()
    request_id = peewee.TextField()
    client_address = peewee.TextField(null=True)
    before = peewee.TextField(null=True)
    after = peewee.TextField(null=True)
    previous_hash = peewee.BlobField()
    hash = peewee.BlobField()

    class Meta:
        table_name = "audit_entry"
        primary_key = peewee.CompositeKey("store_id", "sequence")


class AuditHeadRow(_Table):
    """The end of a store's chain."""

    store_id = peewee.TextField(primary_key=True)
    sequence = peewee.BigIntegerField()
    hash = peewee.BlobField()

    class Meta:
        table_name = "audit_head"


class MembershipRow(_Table):
    """What a member may do in a store."""

    store_id = peewee.TextField()
    member_id = peewee.TextField()
    role = peewee.TextField()
    create_time = DateTimeTZField()

    class Meta:
        table_name = "membership"
        primary_key = peewee.CompositeKey("store_id", "member_id")


class SuspensionRow(_Table):
    """A store that is suspended."""

    store_id = peewee.TextField(primary_key=True)
    reason = peewee.TextField()
    create_time = DateTimeTZField()

    class Meta:
        table_name = "store_suspension"


class OperatorRow(_Table):
    """An operator's token, as its digest."""

    id = peewee.TextField(primary_key=True)
    display_name = peewee.TextField()
    digest = peewee.BlobField(unique=True)
    pepper_version = peewee.IntegerField()
    hint = peewee.TextField()
    create_time = DateTimeTZField()
    revoke_time = DateTimeTZField(null=True)

    class Meta:
        table_name = "operator"
