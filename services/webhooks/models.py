"""The tables of the Webhooks service, for peewee. Only `queries` imports this."""

import peewee
from playhouse.postgres_ext import ArrayField, BinaryJSONField, DateTimeTZField

handle = peewee.PostgresqlDatabase(None, autoconnect=False)


class _Table(peewee.Model):
    class Meta:
        database = handle
        legacy_table_names = False


class EndpointRow(_Table):
    """Where a partner wants events."""

    id = peewee.TextField(primary_key=True)
    store_id = peewee.TextField()
    url = peewee.TextField()
    display_name = peewee.TextField()
    event_types = ArrayField(peewee.TextField)
    state = peewee.TextField()
    state_reason = peewee.TextField()
    request_id = peewee.TextField(null=True)
    rate_limit_per_second = peewee.IntegerField(default=0)
    max_concurrency = peewee.IntegerField(default=0)
    coalesce_ms = peewee.IntegerField(default=0)
    revision = peewee.BigIntegerField(default=1)
    create_time = DateTimeTZField()
    update_time = DateTimeTZField()
    disable_time = DateTimeTZField(null=True)
    delete_time = DateTimeTZField(null=True)

    class Meta:
        table_name = "endpoint"


class EndpointSecretRow(_Table):
    """A secret that signs, until `end_time` if it has one. It is sealed under the key of this version."""

    endpoint_id = peewee.TextField()
    sealed = peewee.BlobField()
    seal_version = peewee.IntegerField()
    hint = peewee.TextField()
    create_time = DateTimeTZField()
    end_time = DateTimeTZField(null=True)
    request_id = peewee.TextField(null=True)

    class Meta:
        table_name = "endpoint_secret"
        primary_key = peewee.CompositeKey("endpoint_id", "create_time")


class EndpointQueueRow(_Table):
    """How an endpoint does. The worker's statements keep it (see worker/due); what they alone need is not here."""

    endpoint_id = peewee.TextField(primary_key=True)
    failure_count = peewee.IntegerField()
    failing_since = DateTimeTZField(null=True)
    paused_until = DateTimeTZField(null=True)
    last_success_time = DateTimeTZField(null=True)
    last_failure_time = DateTimeTZField(null=True)
    last_error = peewee.TextField()

    class Meta:
        table_name = "endpoint_queue"


class EventRow(_Table):
    """Something that happened; `body` is what is signed and sent, byte for byte."""

    id = peewee.TextField(primary_key=True)
    store_id = peewee.TextField()
    type = peewee.TextField()
    product_id = peewee.TextField(default="")
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
    product_id = peewee.TextField(default="")
    replay_id = peewee.TextField(null=True)
    state = peewee.TextField()
    attempt_count = peewee.IntegerField()
    last_status_code = peewee.IntegerField()
    create_time = DateTimeTZField()
    next_attempt_time = DateTimeTZField(null=True)
    finish_time = DateTimeTZField(null=True)
    last_error = peewee.TextField(default="")

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
    response_headers = BinaryJSONField()
    response_body = peewee.BlobField()
    remote_address = peewee.TextField()
    signed = peewee.TextField()

    class Meta:
        table_name = "attempt"


class DueRow(_Table):
    """A delivery that is to be tried. While a worker has it, `due_time` is when its lease ends.

    Until it has been tried it has its `event_id`. What is `by_hand` is sent also while its endpoint is disabled or
    paused. A row that is added, or whose due_time is brought forward, is found at once: triggers tell the queue.
    """

    delivery_id = peewee.TextField(primary_key=True)
    endpoint_id = peewee.TextField()
    event_id = peewee.TextField(null=True)
    due_time = DateTimeTZField()
    lease_token = peewee.UUIDField(null=True)
    by_hand = peewee.BooleanField(default=False)
    waits_for = peewee.TextField(null=True)

    class Meta:
        table_name = "due"
