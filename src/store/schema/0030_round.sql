-- Organizations take turns.
ALTER TABLE desired_round ADD COLUMN finished_at BIGINT; -- its last round
