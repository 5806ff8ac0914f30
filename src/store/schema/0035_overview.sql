CREATE INDEX enrollment_census ON enrollment (state, mode, family, os_version, organization_id) WHERE ended_at IS NULL;
