"""What a feed needs: which change of a product readers saw last, what was forgotten, other prices, orders and filters."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
ALTER TABLE store
    ADD COLUMN revision               bigint NOT NULL DEFAULT 1,
    -- The version of the last change that integrations could see.
    ADD COLUMN seen_version           bigint NOT NULL DEFAULT 0,
    -- Up to which version, and which seen version, tombstones have been forgotten.
    ADD COLUMN forgotten_version      bigint NOT NULL DEFAULT 0,
    ADD COLUMN forgotten_seen_version bigint NOT NULL DEFAULT 0;
UPDATE store SET seen_version = version;

ALTER TABLE product
    ADD COLUMN compare_at_amount numeric(14, 2) CHECK (compare_at_amount > price_amount),
    ADD COLUMN other_prices      jsonb NOT NULL DEFAULT '[]',
    -- The version of its last change that integrations could see; NULL: they never saw it.
    ADD COLUMN seen_version      bigint,
    ADD COLUMN search            text GENERATED ALWAYS AS
        (lower(display_name || ' ' || coalesce(sku, '') || ' ' || category)) STORED;
-- Whether one of these was seen at some time is not known any more: a tombstone too many does no harm.
UPDATE product SET seen_version = version;

CREATE INDEX product_changes ON product (store_id, version);
CREATE INDEX product_seen ON product (store_id, seen_version) WHERE seen_version IS NOT NULL;
CREATE INDEX product_by_name ON product (store_id, lower(display_name), id) WHERE delete_time IS NULL;
CREATE INDEX product_by_time ON product (store_id, create_time, id) WHERE delete_time IS NULL;
CREATE INDEX product_by_category ON product (store_id, category, sort_order, id) WHERE delete_time IS NULL;
-- Tombstones whose time comes.
CREATE INDEX product_deleted ON product (delete_time) WHERE delete_time IS NOT NULL;
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Adds the columns and indexes."""
    db.execute_sql(UP)
