-- Credentials of the organization's other services: token introspection, SCIM.
CREATE TABLE service (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  name TEXT NOT NULL,
  purpose TEXT NOT NULL,                -- introspection, scim
  hash BYTEA NOT NULL,                  -- SHA-256 of the secret, which was shown once
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL
);
CREATE UNIQUE INDEX service_hash ON service (hash);
CREATE INDEX service_organization ON service (organization_id);
