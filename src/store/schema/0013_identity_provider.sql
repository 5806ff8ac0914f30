-- Whom an organization lets sign its people in (OpenID Connect), and who of ours is whom there.
CREATE TABLE identity_provider (
  id TEXT PRIMARY KEY,                  -- [a-z0-9-]
  organization_id TEXT NOT NULL,
  kind TEXT NOT NULL,                   -- google, entra, oidc (idp/provider.c)
  name TEXT NOT NULL,                   -- what people know it by
  domain TEXT,                          -- people of this domain only; NULL: of any of the organization's
  issuer TEXT NOT NULL,                 -- as in its discovery document, octet by octet
  client_id TEXT NOT NULL,
  client_auth TEXT NOT NULL,            -- client_secret_basic, client_secret_post, none
  client_secret BYTEA,                  -- sealed
  tenant TEXT,                          -- what the kind's tenant claim must say
  scope TEXT NOT NULL,
  user_claim TEXT NOT NULL,             -- the user identifier
  apple_account TEXT,                   -- template of the Managed Apple Account; NULL: the user identifier
  groups_claim TEXT,                    -- NULL: groups are kept here
  again TEXT NOT NULL,                  -- login, session: what counts when signing in again
  creates BIGINT NOT NULL,              -- 1: people are made when they first sign in
  redirects BIGINT NOT NULL,            -- 1: people are sent there at once; 0: the page has a button
  ca BYTEA,                             -- PEM, trusted for its servers beside the system's
  created_at BIGINT NOT NULL
);
CREATE INDEX identity_provider_organization ON identity_provider (organization_id, id);

CREATE TABLE account_identity (         -- a person of ours is `subject` at the provider, whatever else it says
  provider_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  account_id TEXT NOT NULL,
  linked_at BIGINT NOT NULL,
  PRIMARY KEY (provider_id, subject)
);
CREATE UNIQUE INDEX account_identity_account ON account_identity (account_id, provider_id);

CREATE TABLE provider_session (         -- what the provider knows of a sign-in that lasts
  attempt_id TEXT PRIMARY KEY,          -- the grant's
  provider_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  sid TEXT,                             -- of the ID token, for back-channel logout
  refresh_token BYTEA,                  -- sealed; NULL: the provider gave none
  signed_in_at BIGINT NOT NULL,
  renewed_at BIGINT NOT NULL,           -- the provider last said that all is well
  failing_since BIGINT                  -- it has not answered since then
);
CREATE INDEX provider_session_renewed ON provider_session (renewed_at);
CREATE INDEX provider_session_account ON provider_session (account_id);
