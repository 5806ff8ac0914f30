-- What an organization wants on its devices: groups of devices, things to have, and which group gets which.
CREATE TABLE device_group (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  name TEXT NOT NULL,
  by_rule BIGINT NOT NULL,              -- 1: whatever meets the conditions; 0: only who is in device_group_member
  mode TEXT,                            -- conditions: NULL matches anything. byod, adde
  model_family TEXT,
  os_from TEXT,                         -- this version and later ones
  os_below TEXT,                        -- before this version
  user_group TEXT,                      -- the person is in it
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX device_group_name ON device_group (organization_id, name);

CREATE TABLE device_group_member (
  enrollment_id TEXT NOT NULL,
  group_id TEXT NOT NULL,
  PRIMARY KEY (enrollment_id, group_id)
);
CREATE INDEX device_group_member_group ON device_group_member (group_id);

CREATE TABLE desired_item (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL,
  kind TEXT NOT NULL,                   -- profile, app, declaration
  name TEXT NOT NULL,                   -- PayloadIdentifier; what the administrator calls an app; a declaration's Identifier
  title TEXT,                           -- for people
  type TEXT,                            -- of a declaration
  user_channel BIGINT NOT NULL,         -- 1: for a Mac's user channel, where there is one
  content BYTEA NOT NULL,               -- the profile as it was given; JSON otherwise
  digest TEXT NOT NULL,                 -- of all that, so that a change is seen
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX desired_item_name ON desired_item (organization_id, kind, name);

CREATE TABLE assignment (
  item_id TEXT NOT NULL,
  group_id TEXT NOT NULL,
  optional BIGINT NOT NULL,             -- 1: of an app: the person may take it
  PRIMARY KEY (item_id, group_id)
);
CREATE INDEX assignment_group ON assignment (group_id);

CREATE TABLE desired_verdict (          -- what the mode tables say of an item, so that each is asked once
  item_id TEXT NOT NULL,
  target TEXT NOT NULL,                 -- mode, system, version, channel
  way TEXT NOT NULL,                    -- declaration, command, none
  why TEXT,
  PRIMARY KEY (item_id, target)
);

-- What one channel was told, and said.
CREATE TABLE desired_state (
  enrollment_id TEXT NOT NULL,
  user_id TEXT NOT NULL,                -- '' is the device channel
  declarations_token TEXT NOT NULL,     -- of what it should have
  token_at BIGINT NOT NULL,
  fetched_token TEXT,                   -- what it last asked the items of
  fetched_at BIGINT,
  refused BIGINT NOT NULL DEFAULT 0,    -- 1: it answered DeclarativeManagement with an error: by command, then
  due_at BIGINT,                        -- commands are to be looked at
  PRIMARY KEY (enrollment_id, user_id)
);
CREATE INDEX desired_state_due ON desired_state (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE desired_delivery (         -- profiles and apps that are given by command
  enrollment_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  item_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,                   -- what takes it away: PayloadIdentifier, bundle identifier once it is known
  digest TEXT,                          -- what was sent; NULL: it is being taken away
  command_uuid TEXT,
  state TEXT NOT NULL,                  -- asked, in-place, refused; of an app also the Status that the device reports
  reason TEXT,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (enrollment_id, user_id, item_id)
);

-- Organizations whose wishes changed: the round through their enrollments.
ALTER TABLE organization ADD COLUMN desired_version BIGINT NOT NULL DEFAULT 0;
CREATE TABLE desired_round (
  organization_id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,              -- that all enrollments were told
  walking BIGINT NOT NULL,              -- that the round under way began with
  after_at BIGINT NOT NULL,             -- where it is: created_at and id of the enrollment
  after_id TEXT NOT NULL
);
CREATE TABLE account_change (           -- people whose groups changed: their enrollments are looked at
  account_id TEXT PRIMARY KEY
);

-- What devices report by declarative management (StatusReport).
CREATE TABLE ddm_declaration (
  enrollment_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  identifier TEXT NOT NULL,
  server_token TEXT NOT NULL,
  active BIGINT NOT NULL,
  valid TEXT NOT NULL,                  -- valid, invalid, unknown
  reason TEXT,                          -- first of the reasons, as a sentence
  PRIMARY KEY (enrollment_id, user_id, identifier)
);
CREATE TABLE ddm_status (
  enrollment_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  item TEXT NOT NULL,                   -- device.operating-system.version
  element TEXT NOT NULL,                -- identifier of an array's element; '' elsewhere
  value TEXT NOT NULL,                  -- JSON
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (enrollment_id, user_id, item, element)
);
