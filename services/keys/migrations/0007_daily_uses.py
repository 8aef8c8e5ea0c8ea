"""How often each key is used, day by day."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
-- A row a key and day of use (UTC); those older than some weeks go when the key is used again.
CREATE TABLE key_use_day (
    key_id text NOT NULL REFERENCES api_key (id) ON DELETE CASCADE,
    day    date NOT NULL,
    uses   bigint NOT NULL CHECK (uses > 0),
    PRIMARY KEY (key_id, day)
);
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Adds the table."""
    db.execute_sql(UP)
