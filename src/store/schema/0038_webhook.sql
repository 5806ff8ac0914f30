-- Webhooks: receivers that were named, and what each is still to be told (webhook/webhook.h).
CREATE TABLE webhook (
  id TEXT PRIMARY KEY,
  organization_id TEXT,                 -- NULL: of all
  url TEXT NOT NULL,
  secret BYTEA NOT NULL,                -- sealed
  events TEXT NOT NULL,                 -- names, separated by spaces; '': all
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL
);

-- Apart, since every unit that tells something reads the table above.
CREATE TABLE webhook_state (
  webhook_id TEXT PRIMARY KEY,
  failures BIGINT NOT NULL,             -- in a row
  rests_until BIGINT NOT NULL,          -- nothing is sent before
  lease_until BIGINT NOT NULL,          -- a process is at it
  delivered_at BIGINT,                  -- the last message that was accepted
  trouble TEXT                          -- why the last one was not; NULL: it was
);

CREATE TABLE webhook_delivery (
  id TEXT PRIMARY KEY,                  -- the message's, the same at each try
  webhook_id TEXT NOT NULL,
  subject TEXT NOT NULL,                -- messages of one subject go one after another
  seq BIGINT NOT NULL,                  -- in this order
  type TEXT NOT NULL,
  body TEXT NOT NULL,
  trace TEXT,                           -- of the request that it happened in
  created_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  tries BIGINT NOT NULL,
  dead_at BIGINT,                       -- given up; NULL: not
  trouble TEXT                          -- of the last try
);
CREATE UNIQUE INDEX webhook_delivery_order ON webhook_delivery (webhook_id, subject, seq);
CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook_id, due_at) WHERE dead_at IS NULL;
CREATE INDEX webhook_delivery_dead ON webhook_delivery (dead_at) WHERE dead_at IS NOT NULL;

CREATE TABLE webhook_reminder (         -- what ends by the calendar and was told of
  what TEXT PRIMARY KEY,
  at BIGINT NOT NULL
);
