-- Where the groups are asked for that a token has no room for.
ALTER TABLE identity_provider ADD COLUMN directory TEXT; -- https URL of its directory; NULL, none: nobody is asked
