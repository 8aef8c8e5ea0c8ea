"""Members: accounts, sessions, invitations, one-time codes, and what limits guessing."""

import peewee
from playhouse.migrate import SchemaMigrator

UP = """
CREATE TABLE member (
    id                text PRIMARY KEY,
    email             text NOT NULL UNIQUE CHECK (email = lower(email) AND email <> ''),
    display_name      text NOT NULL CHECK (display_name <> ''),
    password_hash     text NOT NULL CHECK (starts_with(password_hash, '$argon2id$')),
    create_time       timestamptz NOT NULL,
    -- Sealed; codes are asked for only when it has been confirmed.
    totp_secret       bytea,
    totp_key_version  integer,
    totp_confirm_time timestamptz,
    -- The step of the last code that was accepted: none up to it is accepted again.
    totp_last_step    bigint NOT NULL DEFAULT 0,
    CHECK ((totp_secret IS NULL) = (totp_key_version IS NULL)),
    CHECK (totp_confirm_time IS NULL OR totp_secret IS NOT NULL)
);
ALTER TABLE membership ADD FOREIGN KEY (member_id) REFERENCES member (id);

CREATE TABLE member_recovery_code (
    digest         bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    pepper_version integer NOT NULL,
    member_id      text NOT NULL REFERENCES member (id) ON DELETE CASCADE
);
CREATE INDEX member_recovery_code_member ON member_recovery_code (member_id);

CREATE TABLE member_session (
    id                text PRIMARY KEY,
    member_id         text NOT NULL REFERENCES member (id) ON DELETE CASCADE,
    digest            bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    pepper_version    integer NOT NULL,
    create_time       timestamptz NOT NULL,
    authenticate_time timestamptz NOT NULL,
    last_use_time     timestamptz NOT NULL,
    last_use_address  text NOT NULL,
    last_use_agent    text NOT NULL
);
CREATE INDEX member_session_member ON member_session (member_id);

CREATE TABLE invitation (
    id             text PRIMARY KEY,
    store_id       text NOT NULL,
    email          text NOT NULL CHECK (email = lower(email) AND email <> ''),
    role           text NOT NULL CHECK (role IN ('staff', 'admin', 'owner')),
    digest         bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    pepper_version integer NOT NULL,
    creator        text NOT NULL,
    create_time    timestamptz NOT NULL,
    expire_time    timestamptz NOT NULL CHECK (expire_time > create_time),
    revoke_time    timestamptz,
    accept_time    timestamptz,
    member_id      text REFERENCES member (id),
    CHECK (revoke_time IS NULL OR accept_time IS NULL)
);
CREATE INDEX invitation_list ON invitation (store_id, id DESC);
-- One for one person in one store that can be, or could have been, accepted.
CREATE UNIQUE INDEX invitation_open ON invitation (store_id, email)
    WHERE revoke_time IS NULL AND accept_time IS NULL;

CREATE TABLE password_reset (
    digest         bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    pepper_version integer NOT NULL,
    member_id      text NOT NULL UNIQUE REFERENCES member (id) ON DELETE CASCADE,
    expire_time    timestamptz NOT NULL
);

-- No email stands here: people type their password into the wrong field.
CREATE TABLE sign_in_attempt (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account     bytea NOT NULL,
    address     text NOT NULL,
    is_known    boolean NOT NULL,
    create_time timestamptz NOT NULL
);
CREATE INDEX sign_in_attempt_account ON sign_in_attempt (account, create_time);
CREATE INDEX sign_in_attempt_address ON sign_in_attempt (address, create_time);
CREATE INDEX sign_in_attempt_age ON sign_in_attempt (create_time);

CREATE TABLE member_known_address (
    member_id         text NOT NULL REFERENCES member (id) ON DELETE CASCADE,
    address           text NOT NULL,
    last_sign_in_time timestamptz NOT NULL,
    PRIMARY KEY (member_id, address)
);
"""


def up(_migrator: SchemaMigrator, db: peewee.Database) -> None:
    """Creates the tables."""
    db.execute_sql(UP)
