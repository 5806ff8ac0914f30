-- Tries to enroll or to sign in again, and their steps. Events are written once, never updated.
CREATE TABLE attempt (
  id TEXT PRIMARY KEY,                  -- from the sealed string in BaseURL (enroll/attempt.h)
  organization_id TEXT NOT NULL,
  kind TEXT NOT NULL,                   -- enroll, reauth
  user_identifier TEXT,                 -- as typed, lower case; NULL when discovery had none
  account_id TEXT,                      -- who signed in
  model_family TEXT,
  product TEXT,
  os_version TEXT,
  mode TEXT,                            -- byod, adde
  method TEXT,                          -- apple-oauth2, apple-as-web
  rule_id TEXT,
  address TEXT,                         -- network of the client: /24 or /64
  state TEXT NOT NULL,                  -- open, signed-in, enrolled, failed, ended
  stage TEXT NOT NULL,                  -- of the newest event (enroll/failure.h)
  code TEXT NOT NULL,                   -- of the newest event
  events BIGINT NOT NULL,               -- how many it has; capped
  enrollment_id TEXT,
  started_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX attempt_recent ON attempt (organization_id, started_at);
CREATE INDEX attempt_person ON attempt (user_identifier, started_at);
CREATE INDEX attempt_enrollment ON attempt (enrollment_id);
CREATE INDEX attempt_unsigned_address ON attempt (address, started_at) WHERE account_id IS NULL;
CREATE INDEX attempt_unsigned ON attempt (started_at) WHERE account_id IS NULL;

CREATE TABLE event (
  attempt_id TEXT NOT NULL,
  seq BIGINT NOT NULL,                  -- 1, 2, ... within the attempt
  at BIGINT NOT NULL,
  stage TEXT NOT NULL,
  code TEXT NOT NULL,
  outcome TEXT NOT NULL,                -- ok, refused, failed
  details TEXT,                         -- what this time adds to the catalogue's sentence
  PRIMARY KEY (attempt_id, seq)
);

CREATE TABLE discovery_count (          -- discovery writes nothing itself; counts are kept in batches
  organization_id TEXT NOT NULL,        -- '' when the domain is nobody's
  day BIGINT NOT NULL,                  -- Unix days
  code TEXT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (organization_id, day, code)
);
