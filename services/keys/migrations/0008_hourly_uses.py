"""How often each key is used, hour by hour, for two days."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
-- A row a key and hour of use; those older than two days go when the key is used again.
CREATE TABLE key_use_hour (
    key_id text NOT NULL REFERENCES api_key (id) ON DELETE CASCADE,
    hour   timestamptz NOT NULL,
    uses   bigint NOT NULL CHECK (uses > 0),
    PRIMARY KEY (key_id, hour)
);
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Adds the table."""
    db.execute_sql(UP)
