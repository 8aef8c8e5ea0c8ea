"""API keys, their secrets, and operators."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
CREATE TABLE api_key (
    id           text PRIMARY KEY,
    store_id     text NOT NULL,
    display_name text NOT NULL CHECK (display_name <> ''),
    scopes       text[] NOT NULL CHECK (cardinality(scopes) > 0),
    stores       text[] NOT NULL CHECK (store_id = ANY (stores)),
    creator      text NOT NULL,
    request_id   text,
    create_time  timestamptz NOT NULL,
    expire_time  timestamptz CHECK (expire_time > create_time),
    revoke_time  timestamptz
);
-- One key for one request, however often it is repeated.
CREATE UNIQUE INDEX api_key_request ON api_key (store_id, request_id) WHERE request_id IS NOT NULL;
-- Lists of a store's keys, newest first; ids grow with time.
CREATE INDEX api_key_list ON api_key (store_id, id DESC);

CREATE TABLE key_secret (
    digest         bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    pepper_version integer NOT NULL,
    key_id         text NOT NULL REFERENCES api_key (id) ON DELETE CASCADE,
    hint           text NOT NULL,
    create_time    timestamptz NOT NULL
);
CREATE INDEX key_secret_key ON key_secret (key_id, create_time);

CREATE TABLE operator (
    id             text PRIMARY KEY,
    display_name   text NOT NULL CHECK (display_name <> ''),
    digest         bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    pepper_version integer NOT NULL,
    hint           text NOT NULL,
    create_time    timestamptz NOT NULL,
    revoke_time    timestamptz
);
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Creates the tables."""
    db.execute_sql(UP)
