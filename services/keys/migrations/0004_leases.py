"""Leases: who keeps verdicts, which revocations they know of, and the counter that numbers those."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
ALTER TABLE key_secret ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE;

-- One row, locked by whoever revokes until the commit: epochs come in the order of commits, as those of a sequence do not.
CREATE TABLE revocation_epoch (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch    bigint NOT NULL
);
INSERT INTO revocation_epoch (epoch) VALUES (0);

CREATE TABLE invalidation (
    epoch       bigint PRIMARY KEY,
    key_id      text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE watcher (
    id                 text PRIMARY KEY,
    service            text NOT NULL,
    lease_end          timestamptz NOT NULL,
    acknowledged_epoch bigint NOT NULL
);
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Creates the tables."""
    db.execute_sql(UP)
