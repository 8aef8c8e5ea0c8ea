"""Imports: jobs that take products over from files, the files' content until they are done, and what was wrong."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
CREATE TABLE import_job (
    store_id          text NOT NULL REFERENCES store (id),
    id                text NOT NULL,
    request_id        text,
    display_name      text NOT NULL,
    format            text NOT NULL CHECK (format IN ('auto', 'sedifex', 'woocommerce', 'shopify')),
    dry_run           boolean NOT NULL,
    state             text NOT NULL
        CHECK (state IN ('uploading', 'queued', 'running', 'succeeded', 'failed', 'cancelled')),
    size_bytes        bigint NOT NULL DEFAULT 0,
    total_row_count   integer NOT NULL DEFAULT 0,
    -- How far it is: wishes and rows of the file that have been dealt with, in the transaction that dealt with them.
    wish_count        integer NOT NULL DEFAULT 0,
    row_count         integer NOT NULL DEFAULT 0,
    created_count     integer NOT NULL DEFAULT 0,
    updated_count     integer NOT NULL DEFAULT 0,
    unchanged_count   integer NOT NULL DEFAULT 0,
    invalid_count     integer NOT NULL DEFAULT 0,
    problem_count     integer NOT NULL DEFAULT 0,
    findings          jsonb,
    error             text NOT NULL DEFAULT '',
    create_time       timestamptz NOT NULL,
    update_time       timestamptz NOT NULL,
    queue_time        timestamptz,
    start_time        timestamptz,
    end_time          timestamptz,
    -- Who works on it, and until when the others leave it alone, by the clock of this database.
    lease_holder      text NOT NULL DEFAULT '',
    lease_expire_time timestamptz NOT NULL DEFAULT '-infinity',
    -- How often it was taken up since it last got any further.
    attempt_count     integer NOT NULL DEFAULT 0,
    PRIMARY KEY (store_id, id)
);
CREATE UNIQUE INDEX import_job_request ON import_job (store_id, request_id) WHERE request_id IS NOT NULL;
-- The files of a store are taken over one after the other, or the later one might lose.
CREATE UNIQUE INDEX import_job_running ON import_job (store_id) WHERE state = 'running';
CREATE INDEX import_job_queue ON import_job (queue_time) WHERE state IN ('queued', 'running');
CREATE INDEX import_job_uploads ON import_job (update_time) WHERE state = 'uploading';
CREATE INDEX import_job_ended ON import_job (end_time) WHERE end_time IS NOT NULL;

CREATE TABLE import_chunk (
    store_id     text NOT NULL,
    import_id    text NOT NULL,
    start_offset bigint NOT NULL,
    content      bytea NOT NULL,
    PRIMARY KEY (store_id, import_id, start_offset),
    FOREIGN KEY (store_id, import_id) REFERENCES import_job (store_id, id) ON DELETE CASCADE
);

CREATE TABLE import_problem (
    store_id    text NOT NULL,
    import_id   text NOT NULL,
    number      integer NOT NULL,
    row_number  integer NOT NULL,
    column_name text NOT NULL,
    value       text NOT NULL,
    description text NOT NULL,
    PRIMARY KEY (store_id, import_id, number),
    FOREIGN KEY (store_id, import_id) REFERENCES import_job (store_id, id) ON DELETE CASCADE
);
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Creates the tables."""
    db.execute_sql(UP)
