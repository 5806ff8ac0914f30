-- What administrators did and read. Rows of `audit` are added, never changed (audit/audit.h).
CREATE TABLE audit (
  seq BIGINT PRIMARY KEY,               -- 1, 2, ... without a gap
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,                  -- id in audit_name
  way TEXT NOT NULL,                    -- socket, token, session, scim, init, server
  organization_id TEXT,
  action TEXT NOT NULL,                 -- "PATCH /users/{user}"
  object TEXT,                          -- kind and id, never a person's name
  person TEXT,                          -- id in audit_name: whom it concerns
  outcome TEXT NOT NULL,                -- begun, done, repeated, or what a refusal is called
  begun BIGINT NOT NULL,                -- the row that said that it would be tried; 0: none
  again BIGINT NOT NULL,                -- readings that an earlier row stood for, beside its own
  detail BYTEA,                         -- digest of audit_detail's salt and content; NULL: none
  hash BYTEA NOT NULL                   -- of the row before, and of all this
);
CREATE INDEX audit_actor ON audit (actor, seq);
CREATE INDEX audit_person ON audit (person, seq) WHERE person IS NOT NULL;
CREATE INDEX audit_object ON audit (object, seq) WHERE object IS NOT NULL;

CREATE TABLE audit_name (
  id TEXT PRIMARY KEY,                  -- digest of salt and name, base64url
  salt BYTEA,                           -- NULL with the name: erased,
  name TEXT,
  erased_by BIGINT                      -- by this row
);
CREATE UNIQUE INDEX audit_name_name ON audit_name (name) WHERE name IS NOT NULL;

CREATE TABLE audit_detail (
  seq BIGINT PRIMARY KEY,
  salt BYTEA,                           -- NULL with the content: erased,
  content TEXT,                         -- JSON
  erased_by BIGINT                      -- by this row
);

CREATE TABLE audit_recent (             -- readings of the last minute, and how often they were repeated
  digest BYTEA PRIMARY KEY,
  seq BIGINT NOT NULL,                  -- the row
  at BIGINT NOT NULL,
  again BIGINT NOT NULL
);
CREATE INDEX audit_recent_at ON audit_recent (at);

CREATE TABLE audit_head (
  one BIGINT PRIMARY KEY,               -- 1
  seq BIGINT NOT NULL,                  -- the newest row
  hash BYTEA NOT NULL,
  start BIGINT NOT NULL,                -- the oldest row that is kept
  start_hash BYTEA NOT NULL,            -- of the one before it
  mac BYTEA NOT NULL                    -- HMAC-SHA256 with audit_key
);
CREATE TABLE audit_key (
  one BIGINT PRIMARY KEY,               -- 1
  sealed BYTEA NOT NULL                 -- with the key "seal"
);
