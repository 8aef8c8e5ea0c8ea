"""Quicker claims: what waits stands in an index of its own, and a first try finds its event without its delivery."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
DROP INDEX due_order;
-- A lease moves its row from the one to the other, instead of into both. Without deduplication: what becomes due in one
-- moment would share an entry, which stays whole, and is read whole, until the last of it is done.
CREATE INDEX due_order ON due (endpoint_id, due_time) WITH (deduplicate_items = off) WHERE lease_token IS NULL;

-- Known only until the first try has ended: a delivery whose row has it has never been tried.
ALTER TABLE due ADD event_id text;
CREATE FUNCTION forget_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.event_id := NULL;
    RETURN NEW;
END $$;
-- For workers of the release before, which know nothing of it.
CREATE TRIGGER due_tried BEFORE UPDATE OF by_hand ON due FOR EACH ROW
    WHEN (NEW.event_id IS NOT NULL AND OLD.lease_token IS NOT NULL AND NEW.lease_token IS NULL)
    EXECUTE FUNCTION forget_event();
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Makes the index anew, and adds the column.

    Publishers and workers wait meanwhile, a second for every million rows or so.

    Workers of the release before have no index for one of their looks until they are replaced: behind a large backlog
    they are slow.
    """
    db.execute_sql(UP)
