"""The audit log: a chain of entries per store that the database itself refuses to change."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
CREATE TABLE audit_entry (
    store_id      text NOT NULL,
    sequence      bigint NOT NULL CHECK (sequence > 0),
    id            text NOT NULL UNIQUE,
    occur_time    timestamptz NOT NULL,
    actor         text NOT NULL,
    action        text NOT NULL,
    resource      text NOT NULL,
    request_id    text NOT NULL,
    before        text,
    after         text,
    previous_hash bytea NOT NULL CHECK (octet_length(previous_hash) = 32),
    hash          bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (store_id, sequence)
);

-- The end of each store's chain, so that a chain that was cut short shows, and writers of a store wait for each other.
CREATE TABLE audit_head (
    store_id text PRIMARY KEY,
    sequence bigint NOT NULL,
    hash     bytea NOT NULL
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END $$;
CREATE TRIGGER audit_entry_stays BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entry_is_not_emptied BEFORE TRUNCATE ON audit_entry FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_head_is_not_emptied BEFORE TRUNCATE ON audit_head FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_head_goes_on BEFORE UPDATE ON audit_head FOR EACH ROW
    WHEN (NEW.sequence <> OLD.sequence + 1 OR NEW.store_id <> OLD.store_id) EXECUTE FUNCTION refuse_change();
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Creates the tables and what guards them."""
    db.execute_sql(UP)
