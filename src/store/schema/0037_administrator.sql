-- People who administer the server (administrator/administrator.h).
CREATE TABLE administrator (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,                   -- in lower case: eliza@betterbag.com
  role TEXT NOT NULL,                   -- read, help-desk, admin
  organization_id TEXT,                 -- the only one that they reach; NULL: all
  provider_id TEXT,                     -- signs them in; NULL: we do, by password and a second factor
  subject TEXT,                         -- there; NULL: they have not signed in yet
  password_hash TEXT,
  totp BYTEA,                           -- sealed secret; NULL: no authenticator app
  totp_step BIGINT NOT NULL,            -- of the last code: none at or before it counts again
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  changed_at BIGINT NOT NULL,           -- what a sign-in under way was begun with
  signed_in_at BIGINT,
  disabled_at BIGINT
);
CREATE UNIQUE INDEX administrator_name ON administrator (name);
CREATE UNIQUE INDEX administrator_subject ON administrator (provider_id, subject);
CREATE TABLE administrator_code (       -- recovery codes that are left
  hash BYTEA PRIMARY KEY,               -- SHA-256
  administrator_id TEXT NOT NULL
);
CREATE INDEX administrator_code_of ON administrator_code (administrator_id);
CREATE TABLE administrator_key (        -- WebAuthn credentials
  id TEXT PRIMARY KEY,                  -- base64url of the credential id
  administrator_id TEXT NOT NULL,
  public_key BYTEA NOT NULL,            -- as x509_raw_key writes it
  counter BIGINT NOT NULL,              -- signCount
  challenge TEXT NOT NULL,              -- the last one that it answered, which counts once
  created_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL
);
CREATE INDEX administrator_key_of ON administrator_key (administrator_id);
CREATE TABLE administrator_session (
  hash BYTEA PRIMARY KEY,               -- SHA-256 of the cookie
  administrator_id TEXT NOT NULL,
  began_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,              -- to the minute
  proven_at BIGINT NOT NULL             -- the person was asked for password and second factor; 0: not since it began
);
CREATE INDEX administrator_session_of ON administrator_session (administrator_id);
