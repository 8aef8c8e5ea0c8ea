"""Lists by price read a page, not the store."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
-- As lists order, in listing.py. What has no price comes last either way, so neither can be read backwards for the other.
CREATE INDEX product_by_price ON product (store_id, ((price_amount IS NULL)::int), coalesce(price_amount, 0), id)
    WHERE delete_time IS NULL;
CREATE INDEX product_by_price_falling
    ON product (store_id, ((price_amount IS NOT NULL)::int), coalesce(price_amount, 0), id) WHERE delete_time IS NULL;
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Makes the indexes."""
    db.execute_sql(UP)
