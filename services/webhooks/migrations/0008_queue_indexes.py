"""The queue's indexes: what waits and what is leased stand in one each, and what is dead in them can be passed by."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
DROP INDEX due_order;
-- A lease moves its row from the one to the other, instead of into both. Without deduplication: what becomes due in one
-- moment would share an entry, which stays whole, and is read whole, until the last of it is done.
CREATE INDEX due_order ON due (endpoint_id, due_time) WITH (deduplicate_items = off) WHERE lease_token IS NULL;
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Makes the index anew. Publishers and workers wait meanwhile, a second for every million rows or so.

    Workers of the release before have no index for one of their looks until they are replaced: behind a large backlog
    they are slow.
    """
    db.execute_sql(UP)
