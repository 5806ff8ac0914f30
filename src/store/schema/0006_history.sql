-- What time takes away is found through an index, so that a round reads no more than it deletes.
CREATE INDEX event_at ON event (at);
CREATE INDEX command_result_answered ON command_result (answered_at);
CREATE INDEX attempt_ended ON attempt (updated_at) WHERE state = 'ended';
CREATE INDEX attempt_unbound ON attempt (updated_at) WHERE account_id IS NOT NULL AND enrollment_id IS NULL;
CREATE INDEX enrollment_pending ON enrollment (created_at) WHERE state = 'pending';
CREATE INDEX enrollment_evicting ON enrollment (evict_at) WHERE state = 'evicting';
CREATE INDEX enrollment_ended ON enrollment (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX scep_challenge_enrollment ON scep_challenge (enrollment_id);

-- Events that history no longer has; `events` goes on counting, so that numbers stay unique.
ALTER TABLE attempt ADD COLUMN pruned BIGINT NOT NULL DEFAULT 0;
