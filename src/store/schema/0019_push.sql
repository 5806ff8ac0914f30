-- What Apple's push service said of a channel's token, and of an organization's certificate.
ALTER TABLE channel ADD COLUMN pushed_at BIGINT;      -- last accepted
ALTER TABLE channel ADD COLUMN push_tries BIGINT NOT NULL DEFAULT 0; -- without success since then
ALTER TABLE channel ADD COLUMN push_refused TEXT;     -- its word for a token that is good no more; until a TokenUpdate
ALTER TABLE organization ADD COLUMN push_trouble TEXT; -- why nothing is pushed at present
