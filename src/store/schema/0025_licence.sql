-- Apps and Books (protocol 11): whose licences are wanted, and what Apple holds for them.
CREATE TABLE licence_service (            -- an organization's account there
  organization_id TEXT PRIMARY KEY,
  secrets BYTEA NOT NULL,                 -- sealed JSON: token, and what notifications must bring
  expires_at BIGINT,                      -- of the token
  location TEXT,                          -- orgName of the token
  told_at BIGINT,                         -- that notifications are to come here; NULL: not yet
  counted_at BIGINT,                      -- licence_asset was read
  turn_until BIGINT NOT NULL,             -- one node works on it, or it rests
  tries BIGINT NOT NULL,                  -- without success
  trouble TEXT,                           -- why nothing goes on at present
  changed_at BIGINT NOT NULL
);

CREATE TABLE licence_asset (              -- what was bought
  organization_id TEXT NOT NULL,
  adam_id TEXT NOT NULL,                  -- of the App Store
  pricing_param TEXT NOT NULL,
  total BIGINT NOT NULL,
  assigned BIGINT NOT NULL,
  available BIGINT NOT NULL,
  PRIMARY KEY (organization_id, adam_id)
);

CREATE TABLE licence_user (               -- people that Apple was told of; their clientUserId is the account's id
  account_id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  event_id TEXT                           -- NULL: done
);

CREATE TABLE licence_event (              -- what Apple works on
  organization_id TEXT NOT NULL,
  id TEXT NOT NULL,
  ask_at BIGINT NOT NULL,                 -- its status is asked for then, unless a notification comes
  PRIMARY KEY (organization_id, id)
);

CREATE TABLE licence (
  account_id TEXT NOT NULL,
  adam_id TEXT NOT NULL,
  organization_id TEXT NOT NULL,
  wanted BIGINT NOT NULL,                 -- 0: to be given back; the row goes once it is
  state TEXT NOT NULL,                    -- none, coming, held, short, failed, going
  event_id TEXT,                          -- coming, going
  reason TEXT,                            -- short, failed
  tries BIGINT NOT NULL,
  due_at BIGINT,                          -- something is to be done; NULL: nothing
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, adam_id)
);
CREATE INDEX licence_due ON licence (organization_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX licence_event_of ON licence (organization_id, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX licence_by_asset ON licence (organization_id, adam_id, state);
