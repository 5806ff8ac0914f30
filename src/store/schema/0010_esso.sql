-- The documents of Enrollment SSO (protocol 4.5), at most two for an organization.
CREATE TABLE esso_document (
  organization_id TEXT NOT NULL,
  developer BIGINT NOT NULL,            -- 1: for devices in developer mode
  document BYTEA NOT NULL,              -- JSON, as it is served
  set_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, developer)
);
