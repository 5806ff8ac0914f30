-- Live commands only: a row leaves in the transaction that stores its answer.
CREATE TABLE command (
  uuid TEXT PRIMARY KEY,
  enrollment_id TEXT NOT NULL,
  user_id TEXT NOT NULL,                -- '' is the device channel
  position BIGINT NOT NULL,             -- order within the channel
  request_type TEXT NOT NULL,
  payload BYTEA NOT NULL,               -- the whole property list, XML
  queued_at BIGINT NOT NULL,
  queued_by TEXT,
  delivered_at BIGINT,                  -- first delivery
  not_now_at BIGINT,                    -- last NotNow; NULL: never
  put_off BIGINT NOT NULL               -- 1: answered NotNow since the last Idle, not offered until the next
);
CREATE INDEX command_queue ON command (enrollment_id, user_id, position);

CREATE TABLE command_result (
  uuid TEXT PRIMARY KEY,
  enrollment_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  request_type TEXT NOT NULL,
  status TEXT NOT NULL,                 -- Acknowledged, Error, CommandFormatError, Cancelled, Ended
  answer BYTEA,                         -- filtered: nothing that the mode forbids
  error TEXT,                           -- first of the ErrorChain, as a sentence
  dropped BIGINT NOT NULL,              -- keys that the filter removed
  queued_at BIGINT NOT NULL,
  answered_at BIGINT NOT NULL
);
CREATE INDEX command_result_recent ON command_result (enrollment_id, answered_at);
