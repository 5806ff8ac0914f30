-- Identity by ACME (RFC 8555, device-attest-01): who gets it, whom its attestations lead to, and orders under way.
ALTER TABLE rule ADD COLUMN identity TEXT;            -- scep, acme; NULL: scep
ALTER TABLE scep_challenge ADD COLUMN door TEXT NOT NULL DEFAULT 'scep'; -- where it is good: scep, acme

CREATE TABLE attestation_ca (           -- the pool that attestations of keys must chain to
  organization_id TEXT NOT NULL,
  fingerprint BYTEA NOT NULL,
  certificate BYTEA NOT NULL,
  subject TEXT NOT NULL,
  added_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, fingerprint)
);

CREATE TABLE acme_order (               -- with its one authorization and that one's one challenge
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  enrollment_id TEXT NOT NULL,
  challenge_hash BYTEA NOT NULL,        -- of the ClientIdentifier, as in scep_challenge
  identifier BYTEA NOT NULL,            -- the ClientIdentifier, sealed: an order says it again
  account BYTEA NOT NULL,               -- SHA-256 of the account's key
  token TEXT NOT NULL,
  state TEXT NOT NULL,                  -- pending, ready, valid, invalid
  problem TEXT,                         -- invalid: the code of the failure catalogue
  raw_key BYTEA,                        -- the attested key, as x509_raw_key
  certificate BYTEA,                    -- valid: what was issued
  expires_at BIGINT NOT NULL
);
CREATE INDEX acme_order_challenge ON acme_order (challenge_hash);
CREATE INDEX acme_order_enrollment ON acme_order (enrollment_id);
CREATE INDEX acme_order_expires ON acme_order (expires_at);

CREATE TABLE acme_nonce (               -- nonces that were used, until they are too old to be used again
  hash BYTEA PRIMARY KEY,
  address TEXT,                         -- network of who made an account with it; NULL: who has an order
  expires_at BIGINT NOT NULL
);
CREATE INDEX acme_nonce_address ON acme_nonce (address, expires_at) WHERE address IS NOT NULL;
CREATE INDEX acme_nonce_expires ON acme_nonce (expires_at);
