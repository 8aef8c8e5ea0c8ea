"""Which trace an event belongs to, while traces are on."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
ALTER TABLE outbox ADD COLUMN traceparent text NOT NULL DEFAULT '';
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Adds the column; rows of before belong to none."""
    db.execute_sql(UP)
