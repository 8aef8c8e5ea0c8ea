"""The tables of the Keys service, for peewee. Only `queries` imports this."""

import peewee
from playhouse.postgres_ext import ArrayField, DateTimeTZField

handle = peewee.PostgresqlDatabase(None, autoconnect=False)


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
    creator = peewee.TextField()
    request_id = peewee.TextField(null=True)
    create_time = DateTimeTZField()
    expire_time = DateTimeTZField(null=True)
    revoke_time = DateTimeTZField(null=True)
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
