"""A fair queue: what is due by endpoint, how each endpoint does, secrets that overlap, attempts by day."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
-- What the owner sets.
ALTER TABLE endpoint
    ADD COLUMN rate_limit_per_second integer NOT NULL DEFAULT 0 CHECK (rate_limit_per_second >= 0),
    ADD COLUMN max_concurrency       integer NOT NULL DEFAULT 0 CHECK (max_concurrency BETWEEN 0 AND 100),
    ADD COLUMN coalesce_ms           integer NOT NULL DEFAULT 0 CHECK (coalesce_ms BETWEEN 0 AND 60000),
    ADD COLUMN revision              bigint NOT NULL DEFAULT 1,
    ADD COLUMN update_time           timestamptz,
    ADD COLUMN disable_time          timestamptz;
UPDATE endpoint SET update_time = create_time, disable_time = CASE WHEN state = 'disabled' THEN now() END;
ALTER TABLE endpoint ALTER COLUMN update_time SET DEFAULT now(), ALTER COLUMN update_time SET NOT NULL;

-- Every secret that signs, and those that did. With an end_time it signs until then.
CREATE TABLE endpoint_secret (
    endpoint_id  text NOT NULL REFERENCES endpoint (id),
    sealed       bytea NOT NULL,
    seal_version integer NOT NULL,
    hint         text NOT NULL,
    create_time  timestamptz NOT NULL,
    end_time     timestamptz,
    PRIMARY KEY (endpoint_id, create_time)
);
INSERT INTO endpoint_secret (endpoint_id, sealed, seal_version, hint, create_time)
    SELECT id, sealed_secret, seal_version, secret_hint, create_time FROM endpoint;
ALTER TABLE endpoint DROP COLUMN sealed_secret, DROP COLUMN seal_version, DROP COLUMN secret_hint;

-- One row an endpoint: when to look for what is due to it, and how it does.
CREATE TABLE endpoint_queue (
    endpoint_id       text PRIMARY KEY REFERENCES endpoint (id),
    -- Never later than anything that could be sent, but for what a nudge tells of. Earlier does no harm: whoever looks
    -- puts it right.
    next_due          timestamptz NOT NULL DEFAULT 'infinity',
    -- Something is due that the endpoint has no room for: the next completion brings it forward.
    is_held           boolean NOT NULL DEFAULT false,
    -- Counts changes: a claim leaves alone what has changed since it began to read.
    version           bigint NOT NULL DEFAULT 0,
    concurrency       double precision NOT NULL DEFAULT 4,
    tokens            double precision NOT NULL DEFAULT 1,
    tokens_time       timestamptz NOT NULL DEFAULT now(),
    failure_count     integer NOT NULL DEFAULT 0,
    failing_since     timestamptz,
    pause_count       integer NOT NULL DEFAULT 0,
    paused_until      timestamptz,
    last_success_time timestamptz,
    last_failure_time timestamptz,
    last_error        text NOT NULL DEFAULT ''
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
CREATE INDEX endpoint_queue_order ON endpoint_queue (next_due);
CREATE INDEX endpoint_queue_failing ON endpoint_queue (failing_since) WHERE failing_since IS NOT NULL;
INSERT INTO endpoint_queue (endpoint_id, next_due)
    SELECT endpoint.id, coalesce(min(due.due_time), 'infinity')
    FROM endpoint LEFT JOIN due ON due.endpoint_id = endpoint.id GROUP BY endpoint.id;

-- Asked for by a person: sent also while the endpoint is disabled or paused.
ALTER TABLE due ADD COLUMN by_hand boolean NOT NULL DEFAULT false;
DROP INDEX due_order;
DROP INDEX due_endpoint;
CREATE INDEX due_order ON due (endpoint_id, due_time);
CREATE INDEX due_leased ON due (endpoint_id, due_time) WHERE lease_token IS NOT NULL;
CREATE INDEX due_by_hand ON due (endpoint_id) WHERE by_hand;

-- That something has become due to an endpoint, said in the transaction that makes it so. A row of its own for each,
-- and no change of endpoint_queue: publishers wait neither for each other nor for claims, nor claims for them.
CREATE TABLE endpoint_nudge (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_id text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX endpoint_nudge_endpoint ON endpoint_nudge (endpoint_id);

-- Whoever makes something due need not know of this.
DROP TRIGGER due_notify ON due;
DROP FUNCTION notify_due;
CREATE FUNCTION nudge_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO endpoint_nudge (endpoint_id) SELECT DISTINCT endpoint_id FROM added;
    PERFORM pg_notify('webhooks_due', '');
    RETURN NULL;
END $$;
CREATE TRIGGER due_added AFTER INSERT ON due REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION nudge_added();

CREATE FUNCTION nudge_advanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO endpoint_nudge (endpoint_id) VALUES (NEW.endpoint_id);
    PERFORM pg_notify('webhooks_due', '');
    RETURN NULL;
END $$;
-- The engine's own statements change the token and see to the queue themselves.
CREATE TRIGGER due_advanced AFTER UPDATE OF due_time ON due FOR EACH ROW
    WHEN (NEW.due_time < OLD.due_time AND NEW.lease_token IS NOT DISTINCT FROM OLD.lease_token)
    EXECUTE FUNCTION nudge_advanced();

CREATE FUNCTION queue_endpoint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO endpoint_queue (endpoint_id) VALUES (NEW.id);
    ELSIF NEW.url <> OLD.url OR (NEW.state <> OLD.state AND NEW.state = 'enabled') THEN
        -- What was held against it is over: the owner says that it works now.
        UPDATE endpoint_queue SET next_due = now(), version = version + 1, failure_count = 0, failing_since = NULL,
            pause_count = 0, paused_until = NULL WHERE endpoint_id = NEW.id;
        PERFORM pg_notify('webhooks_due', '');
    ELSE
        UPDATE endpoint_queue SET next_due = least(next_due, now()), version = version + 1 WHERE endpoint_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER endpoint_changed AFTER INSERT OR UPDATE OF url, state, rate_limit_per_second, max_concurrency
    ON endpoint FOR EACH ROW EXECUTE FUNCTION queue_endpoint();

-- Completed in place: the room lets PostgreSQL leave the indexes alone.
ALTER TABLE delivery ADD COLUMN last_error text NOT NULL DEFAULT '';
ALTER TABLE delivery SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- A partition a day (UTC), made ahead and dropped whole by the worker's upkeep. What finds none goes into the default.
-- No foreign key: an attempt is written by the statement that updates its delivery, and outlives it at most a day.
ALTER TABLE attempt RENAME TO attempt_before;
ALTER INDEX attempt_pkey RENAME TO attempt_before_pkey;
ALTER INDEX attempt_delivery RENAME TO attempt_before_delivery;
CREATE TABLE attempt (
    id               text NOT NULL,
    delivery_id      text NOT NULL,
    number           integer NOT NULL,
    start_time       timestamptz NOT NULL,
    latency_ms       integer NOT NULL,
    status_code      integer NOT NULL,
    error            text NOT NULL,
    response_headers jsonb NOT NULL DEFAULT '{}',
    response_body    bytea NOT NULL,
    remote_address   text NOT NULL DEFAULT '',
    PRIMARY KEY (id, start_time)
) PARTITION BY RANGE (start_time);
CREATE INDEX attempt_delivery ON attempt (delivery_id, number);
CREATE TABLE attempt_default PARTITION OF attempt DEFAULT;

CREATE FUNCTION make_attempt_partition(day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    name text := 'attempt_' || to_char(day, 'YYYYMMDD');
    first timestamptz := day::timestamp AT TIME ZONE 'UTC';
    beyond timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE attempt INCLUDING DEFAULTS)', name);
    -- Attached it would refuse what the default partition holds of its day.
    EXECUTE format('WITH moved AS (DELETE FROM attempt_default WHERE start_time >= %L AND start_time < %L RETURNING *)
        INSERT INTO %I SELECT * FROM moved', first, beyond, name);
    EXECUTE format('ALTER TABLE attempt ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, first, beyond);
    RETURN true;
END $$;

SELECT make_attempt_partition(day::date) FROM (
    SELECT DISTINCT date_trunc('day', start_time AT TIME ZONE 'UTC') FROM attempt_before
    UNION SELECT generate_series(0, 7) * interval '1 day' + date_trunc('day', now() AT TIME ZONE 'UTC')
) AS days (day);
INSERT INTO attempt (id, delivery_id, number, start_time, latency_ms, status_code, error, response_body)
    SELECT id, delivery_id, number, start_time, latency_ms, status_code, error, response_body FROM attempt_before;
DROP TABLE attempt_before;
UPDATE delivery SET last_error = attempt.error FROM attempt
    WHERE attempt.delivery_id = delivery.id AND attempt.number = delivery.attempt_count AND attempt.error <> '';
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Makes the queue of what is there; nothing is lost."""
    # Without parameters: the text holds the signs of format().
    with db.cursor() as cursor:
        cursor.execute(UP)
