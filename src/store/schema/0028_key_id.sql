-- Which of a client's keys an assertion is signed with (RFC 7515 4.1.4); NULL: it has one.
ALTER TABLE identity_provider ADD COLUMN key_id TEXT;
