-- People and groups as the organization's directory knows them (SCIM, RFC 7643).
ALTER TABLE account ADD COLUMN external_id TEXT; -- the directory's own id
CREATE UNIQUE INDEX account_external ON account (organization_id, external_id) WHERE external_id IS NOT NULL;

CREATE TABLE directory_group (          -- who is in it: account_group, by name
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  name TEXT NOT NULL,
  external_id TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX directory_group_name ON directory_group (organization_id, name);
