"""Rotation: a key may have two secrets for a while; versions for etags; when a secret was last used."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
ALTER TABLE api_key ADD COLUMN version bigint NOT NULL DEFAULT 1;

ALTER TABLE key_secret
    ADD COLUMN end_time      timestamptz,
    ADD COLUMN last_use_time timestamptz,
    ADD COLUMN request_id    text;
-- One secret for one request, however often it is repeated.
CREATE UNIQUE INDEX key_secret_request ON key_secret (key_id, request_id) WHERE request_id IS NOT NULL;
-- A key has one secret that lasts; every other one has an end.
CREATE UNIQUE INDEX key_secret_lasting ON key_secret (key_id) WHERE end_time IS NULL;
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Adds the columns."""
    db.execute_sql(UP)
