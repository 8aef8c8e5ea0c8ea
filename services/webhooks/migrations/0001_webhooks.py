"""Endpoints, events, deliveries with their attempts, and the queue of what is due."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
CREATE TABLE endpoint (
    id            text PRIMARY KEY,
    store_id      text NOT NULL,
    url           text NOT NULL,
    display_name  text NOT NULL,
    event_types   text[] NOT NULL,
    state         text NOT NULL CHECK (state IN ('enabled', 'disabled')),
    state_reason  text NOT NULL,
    sealed_secret bytea NOT NULL,
    seal_version  integer NOT NULL,
    secret_hint   text NOT NULL,
    request_id    text,
    create_time   timestamptz NOT NULL,
    delete_time   timestamptz
);
-- One endpoint for one request, however often it is repeated.
CREATE UNIQUE INDEX endpoint_request ON endpoint (store_id, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX endpoint_list ON endpoint (store_id, id DESC) WHERE delete_time IS NULL;

CREATE TABLE event (
    id          text PRIMARY KEY,
    store_id    text NOT NULL,
    type        text NOT NULL,
    body        bytea NOT NULL,
    create_time timestamptz NOT NULL
);

CREATE TABLE delivery (
    id                text PRIMARY KEY,
    store_id          text NOT NULL,
    endpoint_id       text NOT NULL REFERENCES endpoint (id),
    event_id          text NOT NULL REFERENCES event (id),
    event_type        text NOT NULL,
    state             text NOT NULL CHECK (state IN ('pending', 'succeeded', 'dead', 'cancelled')),
    attempt_count     integer NOT NULL DEFAULT 0,
    last_status_code  integer NOT NULL DEFAULT 0,
    create_time       timestamptz NOT NULL,
    next_attempt_time timestamptz,
    finish_time       timestamptz,
    UNIQUE (event_id, endpoint_id),
    CHECK ((state = 'pending') = (finish_time IS NULL)),
    CHECK ((state = 'pending') = (next_attempt_time IS NOT NULL))
);
-- Logs are read newest first; ids grow with time.
CREATE INDEX delivery_store_list ON delivery (store_id, id DESC);
CREATE INDEX delivery_endpoint_list ON delivery (endpoint_id, id DESC);

CREATE TABLE attempt (
    id            text PRIMARY KEY,
    delivery_id   text NOT NULL REFERENCES delivery (id),
    number        integer NOT NULL,
    start_time    timestamptz NOT NULL,
    latency_ms    integer NOT NULL,
    status_code   integer NOT NULL,
    error         text NOT NULL,
    response_body bytea NOT NULL
);
CREATE INDEX attempt_delivery ON attempt (delivery_id, number);

-- Small and busy: rows come, are leased and go. There is one for every pending delivery.
CREATE TABLE due (
    delivery_id text PRIMARY KEY REFERENCES delivery (id),
    endpoint_id text NOT NULL,
    due_time    timestamptz NOT NULL,
    lease_token uuid
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
CREATE INDEX due_order ON due (due_time);
CREATE INDEX due_endpoint ON due (endpoint_id);

-- Wakes the workers when a publisher commits, once a statement.
CREATE FUNCTION notify_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('webhooks_due', '');
    RETURN NULL;
END $$;
CREATE TRIGGER due_notify AFTER INSERT ON due FOR EACH STATEMENT EXECUTE FUNCTION notify_due();
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Creates the tables."""
    db.execute_sql(UP)
