"""The tables of the Catalog service, for peewee. Only `queries` imports the tables."""

import peewee
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField

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

    class Meta:
        table_name = "store"


class ProductRow(_Table):
    """A product. `version` is the store's version that its last change made."""

    store_id = peewee.TextField()
    id = peewee.TextField()
    display_name = peewee.TextField()
    description = peewee.TextField()
    category = peewee.TextField()
    brand = peewee.TextField()
    sku = peewee.TextField(null=True)
    barcode = peewee.TextField()
    price_amount = peewee.DecimalField(max_digits=14, decimal_places=2, null=True)
    price_currency = peewee.TextField(null=True)
    stock_count = peewee.IntegerField(null=True)
    low_stock_threshold = peewee.IntegerField(null=True)
    item_type = peewee.TextField()
    images = BinaryJSONField()
    status = peewee.TextField()
    website_visible = peewee.BooleanField()
    sort_order = peewee.IntegerField()
    version = peewee.BigIntegerField()
    create_time = DateTimeTZField()
    update_time = DateTimeTZField()
    delete_time = DateTimeTZField(null=True)
    request_id = peewee.TextField(null=True)

    class Meta:
        table_name = "product"
        primary_key = peewee.CompositeKey("store_id", "id")
