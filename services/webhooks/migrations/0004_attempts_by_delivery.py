"""Attempts are looked up by their delivery, never by their own id: one index less to write for each."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
ALTER TABLE attempt DROP CONSTRAINT attempt_pkey;
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Drops the index; a delivery's attempts are unique by its row, which its completion holds locked."""
    db.execute_sql(UP)
