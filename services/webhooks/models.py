"""The tables of the Webhooks service, for peewee. Only `queries` imports this."""

import peewee
from playhouse.postgres_ext import ArrayField, DateTimeTZField

handle = peewee.PostgresqlDatabase(None, autoconnect=False)


class _Table(peewee.Model):
    class Meta:
        database = handle
        legacy_table_names = False


class EndpointRow(_Table):
    """Where a partner wants events. Its secret is sealed under the key of this version."""

    id = peewee.TextField(primary_key=True)
    store_id = peewee.TextField()
    url = peewee.TextField()
    display_name = peewee.TextField()
    event_types = ArrayField(peewee.TextField)
    state = peewee.TextField()
    state_reason = peewee.TextField()
    sealed_secret = peewee.BlobField()
    seal_version = peewee.IntegerField()
    secret_hint = peewee.TextField()
    request_id = peewee.TextField(null=True)
    create_time = DateTimeTZField()
    delete_time = DateTimeTZField(null=True)

    class Meta:
        table_name = "endpoint"


class EventRow(_Table):
    """Something that happened; `body` is what is signed and sent, byte for byte."""

    id = peewee.TextField(primary_key=True)
    store_id = peewee.TextField()
    type = peewee.TextField()
    body = peewee.BlobField()
    create_time = DateTimeTZField()

    class Meta:
        table_name = "event"


class DeliveryRow(_Table):
    """One event on its way to one endpoint."""

    id = peewee.TextField(primary_key=True)
    store_id = peewee.TextField()
    endpoint_id = peewee.TextField()
    event_id = peewee.TextField()
    event_type = peewee.TextField()
    state = peewee.TextField()
    attempt_count = peewee.IntegerField()
    last_status_code = peewee.IntegerField()
    create_time = DateTimeTZField()
    next_attempt_time = DateTimeTZField(null=True)
    finish_time = DateTimeTZField(null=True)

    class Meta:
        table_name = "delivery"


class AttemptRow(_Table):
    """One try at a delivery."""

    id = peewee.TextField(primary_key=True)
    delivery_id = peewee.TextField()
    number = peewee.IntegerField()
    start_time = DateTimeTZField()
    latency_ms = peewee.IntegerField()
    status_code = peewee.IntegerField()
    error = peewee.TextField()
    response_body = peewee.BlobField()

    class Meta:
        table_name = "attempt"


class DueRow(_Table):
    """A delivery that is to be tried. While a worker has it, `due_time` is when its lease ends."""

    delivery_id = peewee.TextField(primary_key=True)
    endpoint_id = peewee.TextField()
    due_time = DateTimeTZField()
    lease_token = peewee.UUIDField(null=True)

    class Meta:
        table_name = "due"
