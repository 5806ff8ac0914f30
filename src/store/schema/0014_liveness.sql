-- Whether the provider still stands by a sign-in, asked now and then.
ALTER TABLE identity_provider ADD COLUMN interval_s BIGINT NOT NULL DEFAULT 14400;  -- between two questions
ALTER TABLE identity_provider ADD COLUMN grace_s BIGINT NOT NULL DEFAULT 86400;     -- that it may not answer
ALTER TABLE identity_provider ADD COLUMN longest_s BIGINT NOT NULL DEFAULT 0;       -- without a full sign-in; 0: any time
ALTER TABLE identity_provider ADD COLUMN group_needed TEXT;                         -- people must be in it; NULL: none
ALTER TABLE provider_session ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;           -- the next question
ALTER TABLE provider_session ADD COLUMN busy_until BIGINT NOT NULL DEFAULT 0;       -- somebody is asking
CREATE INDEX provider_session_due ON provider_session (due_at);
CREATE INDEX provider_session_sid ON provider_session (provider_id, sid);
