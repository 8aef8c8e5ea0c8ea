"""Where calls come from and may come from; roles in stores; suspended stores; leases that know no wall clock."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
ALTER TABLE api_key
    ADD COLUMN allowed_cidrs text[] NOT NULL DEFAULT '{}',
    -- How far the key's end has been told of: nothing, that it comes near, that it has come.
    ADD COLUMN expiry_told   text NOT NULL DEFAULT '' CHECK (expiry_told IN ('', 'expiring', 'expired'));
-- The keys that reach a store, wherever they were made.
CREATE INDEX api_key_stores ON api_key USING gin (stores);
-- Ends that somebody is to be told of.
CREATE INDEX api_key_expiry ON api_key (expire_time)
    WHERE expire_time IS NOT NULL AND revoke_time IS NULL AND expiry_told <> 'expired';

ALTER TABLE key_secret
    ADD COLUMN last_use_address text NOT NULL DEFAULT '',
    ADD COLUMN last_use_agent   text NOT NULL DEFAULT '';

-- NULL: from before addresses were recorded; the hash of those entries knows of none.
ALTER TABLE audit_entry ADD COLUMN client_address text;

CREATE TABLE membership (
    store_id    text NOT NULL,
    member_id   text NOT NULL,
    role        text NOT NULL CHECK (role IN ('staff', 'admin', 'owner')),
    create_time timestamptz NOT NULL,
    PRIMARY KEY (store_id, member_id)
);
CREATE INDEX membership_member ON membership (member_id);

CREATE TABLE store_suspension (
    store_id    text PRIMARY KEY,
    reason      text NOT NULL CHECK (reason <> ''),
    create_time timestamptz NOT NULL
);

-- A change may concern several principals: keys, members, and "tokens" when one has come into being.
ALTER TABLE invalidation RENAME COLUMN key_id TO principal;
UPDATE invalidation SET principal = 'keys/' || principal;
ALTER TABLE invalidation DROP CONSTRAINT invalidation_pkey, DROP COLUMN create_time,
    ADD PRIMARY KEY (epoch, principal);

-- A lease is a count of renewals: whoever waits for its end measures by a clock that nobody sets.
ALTER TABLE watcher DROP COLUMN lease_end, ADD COLUMN renewals bigint NOT NULL DEFAULT 0;

-- Events on their way to the Webhooks service; see services/common/outbox.py.
CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id   text NOT NULL UNIQUE,
    store_id   text NOT NULL,
    type       text NOT NULL,
    sequence   bigint NOT NULL,
    occur_time timestamptz NOT NULL,
    data       text NOT NULL
);
CREATE TABLE relay_lease (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    holder      text NOT NULL,
    expire_time timestamptz NOT NULL
);
INSERT INTO relay_lease (holder, expire_time) VALUES ('', '-infinity');
CREATE FUNCTION notify_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('keys_outbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_notify AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION notify_outbox();
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Adds and changes the columns and tables."""
    db.execute_sql(UP)
