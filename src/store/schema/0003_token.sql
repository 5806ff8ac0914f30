-- What a sign-in allowed. Codes and tokens are keyed by SHA-256: a copied database holds none.
CREATE TABLE oauth_grant (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  attempt_id TEXT NOT NULL,
  enrollment_id TEXT,                   -- bound at Authenticate, or at issue when signing in again
  method TEXT NOT NULL,                 -- apple-oauth2, apple-as-web
  client_id TEXT,
  scope TEXT,
  generation BIGINT NOT NULL,           -- of the newest refresh token
  confirmed BIGINT NOT NULL,            -- 1: a token of the newest generation was used
  created_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL,              -- last refresh
  ends_at BIGINT NOT NULL,              -- nothing is issued after
  revoked_at BIGINT,
  revoked_why TEXT                      -- a code of enroll/failure.h
);
CREATE INDEX oauth_grant_account ON oauth_grant (account_id);
CREATE INDEX oauth_grant_enrollment ON oauth_grant (enrollment_id);
CREATE INDEX oauth_grant_attempt ON oauth_grant (attempt_id);
CREATE INDEX oauth_grant_ends ON oauth_grant (ends_at);
CREATE INDEX oauth_grant_revoked ON oauth_grant (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE oauth_code (
  hash BYTEA PRIMARY KEY,
  organization_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  attempt_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  scope TEXT,
  challenge TEXT,                       -- PKCE S256; NULL: none was sent
  expires_at BIGINT NOT NULL,
  spent_at BIGINT,
  grant_id TEXT                         -- what it was redeemed for: revoked when it is used again
);
CREATE INDEX oauth_code_expires ON oauth_code (expires_at);

CREATE TABLE oauth_token (
  hash BYTEA PRIMARY KEY,
  kind TEXT NOT NULL,                   -- access, refresh, family (enroll/grant.c)
  grant_id TEXT NOT NULL,
  generation BIGINT NOT NULL,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX oauth_token_grant ON oauth_token (grant_id, kind, generation);
CREATE INDEX oauth_token_expires ON oauth_token (expires_at);
