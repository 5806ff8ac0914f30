-- The relation between an organization and a device, its channels, and its identity certificates.
CREATE TABLE enrollment (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  mode TEXT NOT NULL,                   -- byod, adde
  device_id TEXT,                       -- EnrollmentID (byod) or UDID (adde); NULL while pending
  account_id TEXT NOT NULL,
  attempt_id TEXT NOT NULL,             -- the try that made it
  grant_id TEXT,                        -- the sign-in that holds now
  state TEXT NOT NULL,                  -- pending, enrolled, reauth, evicting, unenrolled, evicted, replaced
  family TEXT,                          -- iPhone, iPad, Mac, RealityDevice
  product TEXT,
  os_version TEXT,
  build_version TEXT,
  device_name TEXT,                     -- adde only, and macOS
  serial_number TEXT,                   -- adde only, like the three after it
  imei TEXT,
  meid TEXT,
  unlock_token BYTEA,                   -- sealed; adde only
  -- as sent in the profile, for ever (protocol 5.6)
  topic TEXT NOT NULL,
  server_url TEXT NOT NULL,
  check_in_url TEXT NOT NULL,
  assigned_managed_apple_id TEXT NOT NULL,
  access_rights BIGINT,                 -- NULL: absent, as in byod
  per_user_connections BIGINT NOT NULL,
  identity_proof TEXT NOT NULL,
  profile_identifier TEXT NOT NULL,
  certificate_fp BYTEA,                 -- the identity that was last accepted
  reauth_attempt_id TEXT,               -- the single, reused attempt to sign in again
  created_at BIGINT NOT NULL,
  enrolled_at BIGINT,
  evict_at BIGINT,                      -- when an evicting enrollment is called evicted anyway
  ended_at BIGINT,
  last_seen_at BIGINT                   -- flushed in batches: up to a minute behind
);
CREATE UNIQUE INDEX enrollment_device ON enrollment (organization_id, device_id) WHERE ended_at IS NULL;
CREATE INDEX enrollment_account ON enrollment (account_id);
CREATE INDEX enrollment_attempt ON enrollment (attempt_id);
CREATE INDEX enrollment_recent ON enrollment (organization_id, created_at);

CREATE TABLE channel (
  enrollment_id TEXT NOT NULL,
  user_id TEXT NOT NULL,                -- '' is the device channel
  push_token BYTEA NOT NULL,
  push_magic TEXT NOT NULL,
  user_short_name TEXT,
  user_long_name TEXT,
  updated_at BIGINT NOT NULL,           -- last TokenUpdate
  wake_at BIGINT,                       -- something waits: push; written with what was queued
  last_seen_at BIGINT,
  PRIMARY KEY (enrollment_id, user_id)
);
CREATE INDEX channel_wake ON channel (wake_at) WHERE wake_at IS NOT NULL;

CREATE TABLE certificate (
  fingerprint BYTEA PRIMARY KEY,        -- SHA-256 of the DER
  organization_id TEXT NOT NULL,
  serial TEXT NOT NULL,                 -- hexadecimal
  enrollment_id TEXT NOT NULL,
  certificate BYTEA NOT NULL,
  raw_key BYTEA NOT NULL,               -- x509_raw_key: checks a signature without decoding
  issued_at BIGINT NOT NULL,
  not_after BIGINT NOT NULL,
  revoked_at BIGINT
);
CREATE INDEX certificate_enrollment ON certificate (enrollment_id);

CREATE TABLE scep_challenge (
  hash BYTEA PRIMARY KEY,
  organization_id TEXT NOT NULL,
  enrollment_id TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  csr_hash BYTEA,                       -- the request that spent it: the same again gets the same
  fingerprint BYTEA                     -- certificate that it was spent for
);
CREATE INDEX scep_challenge_expires ON scep_challenge (expires_at);
