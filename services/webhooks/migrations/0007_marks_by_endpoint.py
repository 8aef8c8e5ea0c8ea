"""The log of what went wrong at one endpoint, by an index."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
ALTER TABLE delivery_mark ADD endpoint_id text;
CREATE OR REPLACE FUNCTION mark_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM delivery_mark WHERE delivery_id = NEW.id;
    INSERT INTO delivery_mark (delivery_id, store_id, endpoint_id, replay_id, mark)
        SELECT NEW.id, NEW.store_id, NEW.endpoint_id, NEW.replay_id, NEW.state
        WHERE NEW.state IN ('dead', 'cancelled', 'coalesced')
        UNION ALL
        SELECT NEW.id, NEW.store_id, NEW.endpoint_id, NEW.replay_id, NEW.last_status_code::text
        WHERE NEW.attempt_count > 0 AND NEW.last_status_code NOT BETWEEN 200 AND 299;
    RETURN NULL;
END $$;
UPDATE delivery_mark SET endpoint_id = delivery.endpoint_id FROM delivery WHERE delivery.id = delivery_id;
ALTER TABLE delivery_mark ALTER endpoint_id SET NOT NULL;
CREATE INDEX delivery_mark_endpoint ON delivery_mark (endpoint_id, mark, delivery_id COLLATE "C" DESC);
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Changes the table. Completions of what goes wrong wait meanwhile, a second for every 100,000 marks or so."""
    db.execute_sql(UP)
