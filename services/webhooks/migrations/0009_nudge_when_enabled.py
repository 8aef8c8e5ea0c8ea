"""Whoever notifies of what may be due leaves a nudge: workers that are told look at nothing else."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
CREATE OR REPLACE FUNCTION queue_endpoint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO endpoint_queue (endpoint_id) VALUES (NEW.id);
    ELSIF NEW.url <> OLD.url OR (NEW.state <> OLD.state AND NEW.state = 'enabled') THEN
        -- What was held against it is over: the owner says that it works now.
        UPDATE endpoint_queue SET next_due = now(), version = version + 1, failure_count = 0, failing_since = NULL,
            pause_count = 0, paused_until = NULL WHERE endpoint_id = NEW.id;
        INSERT INTO endpoint_nudge (endpoint_id) VALUES (NEW.id);
        PERFORM pg_notify('webhooks_due', '');
    ELSE
        UPDATE endpoint_queue SET next_due = least(next_due, now()), version = version + 1 WHERE endpoint_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Replaces the function. Workers of the release before take the nudge away like any other."""
    db.execute_sql(UP)
