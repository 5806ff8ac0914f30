-- Bearer tokens of the administration API, for programs (administrator/token.h).
CREATE TABLE api_token (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  hash BYTEA NOT NULL,                  -- SHA-256 of the secret, which was shown once
  role TEXT NOT NULL,                   -- read, help-desk, admin
  organization_id TEXT,                 -- the only one that it reaches; NULL: all
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT,                       -- to the hour
  revoked_at BIGINT
);
CREATE UNIQUE INDEX api_token_hash ON api_token (hash);
CREATE UNIQUE INDEX api_token_name ON api_token (name) WHERE revoked_at IS NULL;
