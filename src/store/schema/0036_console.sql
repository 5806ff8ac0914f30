DROP INDEX enrollment_census;
CREATE INDEX enrollment_census ON enrollment (organization_id, state, mode, family, os_version);
CREATE INDEX attempt_census ON attempt (organization_id, state, code, stage, (started_at / 86400));
CREATE INDEX certificate_ends ON certificate (not_after) WHERE revoked_at IS NULL;
DROP INDEX attempt_recent;
CREATE INDEX attempt_recent ON attempt (organization_id, started_at, id);
