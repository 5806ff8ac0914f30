-- What the sign-in pages need: attempts by the code that people read to a help desk, and how an organization looks.
CREATE INDEX attempt_help_code ON attempt (substr(id, 1, 8));

ALTER TABLE organization ADD COLUMN colour TEXT;        -- #rrggbb; NULL: ours

CREATE TABLE organization_logo (
  organization_id TEXT PRIMARY KEY,
  digest TEXT NOT NULL,                 -- of the content; in its path, so that it can be kept for ever
  type TEXT NOT NULL,                   -- image/png, image/jpeg
  content BYTEA NOT NULL
);
