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


class MemberRow(_Table):
    """A person who signs in. What stands in `totp_secret` is sealed."""

    id = peewee.TextField(primary_key=True)
    email = peewee.TextField(unique=True)
    display_name = peewee.TextField()
    password_hash = peewee.TextField()
    create_time = DateTimeTZField()
    totp_secret = peewee.BlobField(null=True)
    totp_key_version = peewee.IntegerField(null=True)
    totp_confirm_time = DateTimeTZField(null=True)
    totp_last_step = peewee.BigIntegerField(default=0)

    class Meta:
        table_name = "member"


class RecoveryCodeRow(_Table):
    """A recovery code that has not been used, as its digest."""

    digest = peewee.BlobField(primary_key=True)
    pepper_version = peewee.IntegerField()
    member = peewee.ForeignKeyField(MemberRow, column_name="member_id")

    class Meta:
        table_name = "member_recovery_code"


class SessionRow(_Table):
    """A session that has not been ended; its token as the digest."""

    id = peewee.TextField(primary_key=True)
    member = peewee.ForeignKeyField(MemberRow, column_name="member_id")
    digest = peewee.BlobField(unique=True)
    pepper_version = peewee.IntegerField()
    create_time = DateTimeTZField()
    authenticate_time = DateTimeTZField()
    last_use_time = DateTimeTZField()
    last_use_address = peewee.TextField()
    last_use_agent = peewee.TextField()

    class Meta:
        table_name = "member_session"


class InvitationRow(_Table):
    """An invitation to a store; its token as the digest."""

    id = peewee.TextField(primary_key=True)
    store_id = peewee.TextField()
    email = peewee.TextField()
    role = peewee.TextField()
    digest = peewee.BlobField(unique=True)
    pepper_version = peewee.IntegerField()
    creator = peewee.TextField()
    create_time = DateTimeTZField()
    expire_time = DateTimeTZField()
    revoke_time = DateTimeTZField(null=True)
    accept_time = DateTimeTZField(null=True)
    member = peewee.ForeignKeyField(MemberRow, column_name="member_id", null=True)

    class Meta:
        table_name = "invitation"


class PasswordResetRow(_Table):
    """That a member's password may be set by a token, which is kept as its digest."""

    digest = peewee.BlobField(primary_key=True)
    pepper_version = peewee.IntegerField()
    member = peewee.ForeignKeyField(MemberRow, column_name="member_id")
    expire_time = DateTimeTZField()

    class Meta:
        table_name = "password_reset"


class SignInAttemptRow(_Table):
    """An attempt to prove who one is that has not succeeded, or not yet."""

    id = peewee.BigAutoField()
    account = peewee.BlobField()
    address = peewee.TextField()
    is_known = peewee.BooleanField()
    create_time = DateTimeTZField()

    class Meta:
        table_name = "sign_in_attempt"


class KnownAddressRow(_Table):
    """An address from which somebody has signed in to an account."""

    member = peewee.ForeignKeyField(MemberRow, column_name="member_id")
    address = peewee.TextField()
    last_sign_in_time = DateTimeTZField()

    class Meta:
        table_name = "member_known_address"
        primary_key = peewee.CompositeKey("member", "address")


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
