-- What holds for the people of a group, where that is stricter than what the organization says.
CREATE TABLE group_policy (
  organization_id TEXT NOT NULL,
  name TEXT NOT NULL,                   -- of the group, as in account_group
  what TEXT NOT NULL,                   -- access-token-life, ... (account/policy.c)
  value BIGINT NOT NULL,                -- seconds; of spread per cent
  PRIMARY KEY (organization_id, name, what)
);
ALTER TABLE organization ADD COLUMN spread BIGINT; -- per cent of a life that renewals are spread over; NULL: 20
