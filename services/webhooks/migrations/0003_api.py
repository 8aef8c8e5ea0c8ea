"""What the API of webhooks needs: the log by more than endpoint, repeats of an event, coalescing, replays."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
ALTER TABLE event ADD product_id text NOT NULL DEFAULT '';
UPDATE event SET product_id = coalesce(
    substring(convert_from(body, 'UTF8') FROM '"data": ?[{]"productId": ?"([A-Za-z0-9_-]{1,64})"'), '');
-- What was published in a store since a moment: what an endpoint has missed, what a replay goes through.
CREATE INDEX event_store_time ON event (store_id, create_time, id);

ALTER TABLE delivery
    ADD product_id text NOT NULL DEFAULT '',
    ADD replay_id text,
    DROP CONSTRAINT delivery_state_check,
    ADD CONSTRAINT delivery_state_check
        CHECK (state IN ('pending', 'succeeded', 'dead', 'cancelled', 'coalesced')),
    -- An event may be sent to an endpoint again. That publishing it twice is harmless rests on the event's own id.
    DROP CONSTRAINT delivery_event_id_endpoint_id_key;
UPDATE delivery SET product_id = event.product_id FROM event WHERE event.id = event_id AND event.product_id <> '';
CREATE INDEX delivery_event ON delivery (event_id, endpoint_id, id DESC);
-- The log by what does not change of a delivery. In an order of ids that the primary key does not have: PostgreSQL could
-- go through everybody's deliveries by that one instead, which is quick only where the wanted ones lie near the end.
DROP INDEX delivery_store_list;
DROP INDEX delivery_endpoint_list;
CREATE INDEX delivery_store_list ON delivery (store_id, id COLLATE "C" DESC);
CREATE INDEX delivery_endpoint_list ON delivery (endpoint_id, id COLLATE "C" DESC);
CREATE INDEX delivery_product ON delivery (store_id, product_id, id COLLATE "C" DESC) WHERE product_id <> '';

-- The log by what went wrong. Apart from the deliveries: an index there on what changes would make every completion
-- write all of their indexes. Here only those that go wrong are, by state and by what the endpoint answered.
CREATE TABLE delivery_mark (
    delivery_id text NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    store_id    text NOT NULL,
    -- 'dead', 'cancelled', 'coalesced', or a status that is not 2xx: '500', and '0' where no answer came.
    mark        text NOT NULL,
    replay_id   text,
    PRIMARY KEY (delivery_id, mark)
);
CREATE INDEX delivery_mark_list ON delivery_mark (store_id, mark, delivery_id COLLATE "C" DESC);
CREATE INDEX delivery_mark_replay ON delivery_mark (replay_id, mark) WHERE replay_id IS NOT NULL;
CREATE FUNCTION mark_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM delivery_mark WHERE delivery_id = NEW.id;
    INSERT INTO delivery_mark (delivery_id, store_id, replay_id, mark)
        SELECT NEW.id, NEW.store_id, NEW.replay_id, NEW.state WHERE NEW.state IN ('dead', 'cancelled', 'coalesced')
        UNION ALL
        SELECT NEW.id, NEW.store_id, NEW.replay_id, NEW.last_status_code::text
        WHERE NEW.attempt_count > 0 AND NEW.last_status_code NOT BETWEEN 200 AND 299;
    RETURN NULL;
END $$;
CREATE TRIGGER delivery_made AFTER INSERT ON delivery FOR EACH ROW
    WHEN (NEW.state IN ('dead', 'cancelled', 'coalesced')) EXECUTE FUNCTION mark_delivery();
-- What goes well at the first try meets no condition here, and so costs next to nothing.
CREATE TRIGGER delivery_changed AFTER UPDATE OF state, last_status_code, attempt_count ON delivery FOR EACH ROW
    WHEN ((NEW.state, NEW.last_status_code, NEW.attempt_count > 0)
              IS DISTINCT FROM (OLD.state, OLD.last_status_code, OLD.attempt_count > 0)
          AND (NEW.state IN ('dead', 'cancelled', 'coalesced') OR OLD.state IN ('dead', 'cancelled', 'coalesced')
               OR (NEW.attempt_count > 0 AND NEW.last_status_code NOT BETWEEN 200 AND 299)
               OR (OLD.attempt_count > 0 AND OLD.last_status_code NOT BETWEEN 200 AND 299)))
    EXECUTE FUNCTION mark_delivery();
INSERT INTO delivery_mark (delivery_id, store_id, mark)
    SELECT id, store_id, state FROM delivery WHERE state IN ('dead', 'cancelled')
    UNION ALL
    SELECT id, store_id, last_status_code::text FROM delivery
    WHERE attempt_count > 0 AND last_status_code NOT BETWEEN 200 AND 299;

ALTER TABLE due
    -- The product whose next update takes the place of this delivery. Null: nothing does.
    ADD waits_for text,
    -- The replay that made it due, so that one can see how much of it is still to come.
    ADD replay_id text;
CREATE INDEX due_replay ON due (replay_id) WHERE replay_id IS NOT NULL;
CREATE INDEX due_waiting ON due (endpoint_id, waits_for) WHERE waits_for IS NOT NULL;

ALTER TABLE endpoint_secret ADD request_id text;
CREATE UNIQUE INDEX endpoint_secret_request ON endpoint_secret (endpoint_id, request_id) WHERE request_id IS NOT NULL;

CREATE TABLE replay (
    id             text PRIMARY KEY,
    store_id       text NOT NULL,
    endpoint_id    text REFERENCES endpoint (id),
    states         text[] NOT NULL,
    event_types    text[] NOT NULL,
    start_time     timestamptz NOT NULL,
    end_time       timestamptz NOT NULL,
    creator        text NOT NULL,
    request_id     text,
    state          text NOT NULL CHECK (state IN ('running', 'succeeded', 'cancelled')),
    -- The last event that was looked at: the next batch begins after it.
    progress_time  timestamptz NOT NULL,
    progress_event text NOT NULL,
    examined_count bigint NOT NULL DEFAULT 0,
    delivery_count bigint NOT NULL DEFAULT 0,
    -- When to go on: the one that has waited longest is next.
    next_run_time  timestamptz NOT NULL DEFAULT now(),
    create_time    timestamptz NOT NULL,
    finish_time    timestamptz,
    CHECK ((state = 'running') = (finish_time IS NULL))
);
CREATE INDEX replay_list ON replay (store_id, id DESC);
CREATE UNIQUE INDEX replay_request ON replay (store_id, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX replay_running ON replay (next_run_time) WHERE state = 'running';
-- One at a time to an endpoint: two would send the same events twice.
CREATE UNIQUE INDEX replay_running_endpoint ON replay (store_id, coalesce(endpoint_id, '')) WHERE state = 'running';
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Changes the tables."""
    db.execute_sql(UP)
