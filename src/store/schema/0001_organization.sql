-- Tenants, their domains and people, and what is decided about them before any device speaks.
CREATE TABLE organization (
  id TEXT PRIMARY KEY,                  -- short name used in paths: [a-z0-9-]
  name TEXT NOT NULL,
  lab BIGINT NOT NULL,                  -- 1: generated topic, no push certificate needed
  topic TEXT,                           -- com.apple.mgmt.*; NULL: no profile can be made
  server_uuid TEXT,                     -- iss of GetToken (protocol 9.1)
  identity_proof TEXT NOT NULL,         -- signature, mtls, proxy
  device_ca_mode TEXT NOT NULL,         -- require, warn, off (protocol 3.2)
  device_ca_ignore_times BIGINT NOT NULL,
  access_rights BIGINT NOT NULL,        -- ADDE only
  access_token_life_s BIGINT,           -- NULL: the configuration's
  refresh_idle_s BIGINT,
  refresh_max_s BIGINT,
  web_token_life_s BIGINT,
  created_at BIGINT NOT NULL
);

CREATE TABLE device_ca (                -- the pool that built-in identities must chain to
  organization_id TEXT NOT NULL,
  fingerprint BYTEA NOT NULL,
  certificate BYTEA NOT NULL,
  subject TEXT NOT NULL,
  added_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, fingerprint)
);

CREATE TABLE domain (
  name TEXT PRIMARY KEY,                -- lower case
  organization_id TEXT NOT NULL,
  added_at BIGINT NOT NULL
);
CREATE INDEX domain_organization ON domain (organization_id);

CREATE TABLE account (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  user_identifier TEXT NOT NULL,        -- lower case
  managed_apple_account TEXT NOT NULL,
  display_name TEXT,
  source TEXT NOT NULL,                 -- local
  password_hash TEXT,                   -- argon2id; NULL: cannot sign in with a password
  disabled_at BIGINT,                   -- NULL: enabled
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX account_identifier ON account (user_identifier);
CREATE INDEX account_organization ON account (organization_id, user_identifier);

CREATE TABLE account_group (
  account_id TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (account_id, name)
);
CREATE INDEX account_group_name ON account_group (name);

CREATE TABLE throttle (                 -- failed passwords, per person and per address
  subject TEXT PRIMARY KEY,             -- "person:" or "address:" and a digest
  failures BIGINT NOT NULL,
  until_at BIGINT NOT NULL,             -- no try before
  updated_at BIGINT NOT NULL
);
CREATE INDEX throttle_updated ON throttle (updated_at);

CREATE TABLE rule (                     -- ordered policy: who gets what
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  position BIGINT NOT NULL,             -- 1 is asked first
  domain TEXT,                          -- conditions: NULL matches anything
  user_glob TEXT,
  group_name TEXT,
  model_family TEXT,
  percent BIGINT,
  outcome TEXT NOT NULL,                -- byod, adde, redirect, refuse
  redirect_url TEXT,
  message TEXT,
  method TEXT,                          -- apple-oauth2, apple-as-web; NULL: the default
  created_at BIGINT NOT NULL
);
CREATE INDEX rule_order ON rule (organization_id, position);
