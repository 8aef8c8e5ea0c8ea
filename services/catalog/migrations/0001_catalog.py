"""Stores, products and the outbox of events."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
CREATE TABLE store (
    id              text PRIMARY KEY,
    display_name    text NOT NULL CHECK (display_name <> ''),
    environment     text NOT NULL CHECK (environment IN ('live', 'test')),
    currency_code   text NOT NULL CHECK (currency_code ~ '^[A-Z]{3}$'),
    phone           text NOT NULL,
    whatsapp_number text NOT NULL,
    city            text NOT NULL,
    country         text NOT NULL,
    website_uri     text NOT NULL,
    logo_uri        text NOT NULL,
    version         bigint NOT NULL,
    create_time     timestamptz NOT NULL,
    update_time     timestamptz NOT NULL
);

CREATE TABLE product (
    store_id            text NOT NULL REFERENCES store (id),
    id                  text NOT NULL,
    display_name        text NOT NULL CHECK (display_name <> ''),
    description         text NOT NULL,
    category            text NOT NULL,
    brand               text NOT NULL,
    sku                 text CHECK (sku <> ''),
    barcode             text NOT NULL,
    price_amount        numeric(14, 2) CHECK (price_amount >= 0),
    price_currency      text CHECK (price_currency ~ '^[A-Z]{3}$'),
    stock_count         integer,
    low_stock_threshold integer CHECK (low_stock_threshold >= 0),
    item_type           text NOT NULL CHECK (item_type IN ('product', 'service', 'made_to_order', 'course', 'digital_item')),
    images              jsonb NOT NULL,
    status              text NOT NULL CHECK (status IN ('draft', 'published')),
    website_visible     boolean NOT NULL,
    sort_order          integer NOT NULL,
    version             bigint NOT NULL,
    create_time         timestamptz NOT NULL,
    update_time         timestamptz NOT NULL,
    delete_time         timestamptz,
    request_id          text,
    PRIMARY KEY (store_id, id),
    CHECK ((price_amount IS NULL) = (price_currency IS NULL)),
    CHECK (stock_count IS NULL OR item_type = 'product')
);
-- A deleted product gives its sku free.
CREATE UNIQUE INDEX product_sku ON product (store_id, sku) WHERE delete_time IS NULL;
-- One product for one request, however often it is repeated.
CREATE UNIQUE INDEX product_request ON product (store_id, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX product_list ON product (store_id, sort_order, id) WHERE delete_time IS NULL;

CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id   text NOT NULL UNIQUE,
    store_id   text NOT NULL,
    type       text NOT NULL,
    sequence   bigint NOT NULL,
    occur_time timestamptz NOT NULL,
    data       text NOT NULL
);

-- The one relay at work: two would send the events of a product out of order.
CREATE TABLE relay_lease (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    holder     text NOT NULL,
    expire_time timestamptz NOT NULL
);
INSERT INTO relay_lease (holder, expire_time) VALUES ('', '-infinity');

-- Wakes the relay when the writer commits, at no round trip of the writer's.
CREATE FUNCTION notify_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('catalog_outbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_notify AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION notify_outbox();
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Creates the tables."""
    db.execute_sql(UP)
