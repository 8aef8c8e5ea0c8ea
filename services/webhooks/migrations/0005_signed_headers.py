"""Attempts keep what signed them, so that whoever cannot verify a delivery can see what was sent."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
-- Its partitions follow, also those that are made later.
ALTER TABLE attempt ADD signed text NOT NULL DEFAULT '';
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Changes the tables."""
    db.execute_sql(UP)
