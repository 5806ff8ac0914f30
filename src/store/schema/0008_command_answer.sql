-- A command's row keeps its answer, so that answering rewrites one row instead of moving it between tables
-- that are each found by random keys. An answer takes one entry out of the queue's index and puts one at the end of
-- another; all others stay.
CREATE TABLE command_kept (
  uuid TEXT PRIMARY KEY,
  enrollment_id TEXT NOT NULL,
  user_id TEXT NOT NULL,                -- '' is the device channel
  position BIGINT NOT NULL,             -- order within the channel's queue
  request_type TEXT NOT NULL,
  queued_at BIGINT NOT NULL,
  queued_by TEXT,
  delivered_at BIGINT,                  -- first delivery
  not_now_at BIGINT,                    -- last NotNow; NULL: never
  put_off BIGINT NOT NULL,              -- 1: answered NotNow since the last Idle, not offered until the next
  answered_at BIGINT,                   -- NULL: queued
  status TEXT,                          -- Acknowledged, Error, CommandFormatError, Cancelled, Ended
  error TEXT,                           -- first of the ErrorChain, as a sentence
  dropped BIGINT,                       -- keys that the filter removed
  payload BYTEA,                        -- while queued: the whole property list, XML
  answer BYTEA                          -- filtered: nothing that the mode forbids
);
INSERT INTO command_kept (uuid, enrollment_id, user_id, position, request_type, queued_at, queued_by, delivered_at,
  not_now_at, put_off, payload)
  SELECT uuid, enrollment_id, user_id, position, request_type, queued_at, queued_by, delivered_at, not_now_at,
  put_off, payload FROM command;
INSERT INTO command_kept (uuid, enrollment_id, user_id, position, request_type, queued_at, put_off, answered_at,
  status, error, dropped, answer)
  SELECT uuid, enrollment_id, user_id, 0, request_type, queued_at, 0, answered_at, status, error, dropped, answer
  FROM command_result;
DROP TABLE command;
DROP TABLE command_result;
ALTER TABLE command_kept RENAME TO command;
CREATE INDEX command_queue ON command (enrollment_id, user_id, position) WHERE answered_at IS NULL;
CREATE INDEX command_enrollment ON command (enrollment_id, queued_at);
CREATE INDEX command_answered ON command (answered_at) WHERE answered_at IS NOT NULL;
-- The rows of commands tell these steps.
DELETE FROM event WHERE code IN ('command-delivered', 'command-answered', 'command-error', 'command-put-off');
