-- Requests that create, with the key that their sender gave them, for a day (administrator/idempotency.h).
CREATE TABLE idempotency (
  actor TEXT NOT NULL,
  key TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  sealed BYTEA NOT NULL,                -- digest of the request, then status and answer: it can hold a secret
  PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);
