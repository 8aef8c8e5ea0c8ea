"""The database of the Catalog service, and its table of stores for peewee, which only `queries` imports.

Products are read and written by plain SQL: there are many of them in a call.
"""

import peewee
from playhouse.postgres_ext import DateTimeTZField

from services.common.outbox import Outbox

handle = peewee.PostgresqlDatabase(None, autoconnect=False)
outbox = Outbox(handle, "catalog_outbox")


class _Table(peewee.Model):
    class Meta:
        database = handle
        legacy_table_names = False


class StoreRow(_Table):
    """A store. `version` counts the changes of its products, in the order of their commits."""

    id = peewee.TextField(primary_key=True)
    display_name = peewee.TextField()
    environment = peewee.TextField()
    currency_code = peewee.TextField()
    phone = peewee.TextField()
    whatsapp_number = peewee.TextField()
    city = peewee.TextField()
    country = peewee.TextField()
    website_uri = peewee.TextField()
    logo_uri = peewee.TextField()
    version = peewee.BigIntegerField(default=0)
    create_time = DateTimeTZField()
    update_time = DateTimeTZField()
    revision = peewee.BigIntegerField(default=1)
    seen_version = peewee.BigIntegerField(default=0)

    class Meta:
        table_name = "store"
