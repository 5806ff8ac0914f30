-- Apple's Device Assignment Services (protocol 2.7): the token of an organization's MDM server, and the discovery URL.
CREATE TABLE assignment_service (
  organization_id TEXT PRIMARY KEY,
  secrets BYTEA NOT NULL,                 -- sealed JSON: the four of OAuth 1.0a
  expires_at BIGINT,                      -- of the token
  session BYTEA,                          -- sealed; NULL: none
  account TEXT NOT NULL,                  -- AccountDetail, JSON
  server_uuid TEXT NOT NULL,              -- of it
  discovery_url TEXT,                     -- as it was registered here; NULL: it was not
  found_url TEXT,                         -- as Apple had it at checked_at; NULL: none
  checked_at BIGINT NOT NULL,             -- Apple answered
  check_at BIGINT NOT NULL,               -- the next time to ask; while one node asks, when another one may
  trouble TEXT,                           -- why it did not answer since
  clock_off_s BIGINT NOT NULL,            -- this server's clock minus Apple's, at the last answer
  changed_at BIGINT NOT NULL
);
