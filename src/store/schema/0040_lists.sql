-- Each filter of a list has an index in the list's order, and what is counted of a large organization is counted in one.
DROP INDEX attempt_census;
CREATE INDEX attempt_code ON attempt (organization_id, code, started_at, id, state);
CREATE INDEX attempt_state ON attempt (organization_id, state, started_at, id);
CREATE INDEX enrollment_state ON enrollment (organization_id, state, created_at, id);
CREATE INDEX account_name ON account (LOWER(display_name)) WHERE display_name IS NOT NULL;
ALTER TABLE account_group ADD COLUMN organization_id TEXT NOT NULL DEFAULT '';  -- the account's, which never changes
UPDATE account_group SET organization_id = (SELECT organization_id FROM account WHERE id = account_group.account_id);
DROP INDEX account_group_name;
CREATE INDEX account_group_name ON account_group (organization_id, name);
