-- Challenges of WebAuthn are good once, not only where another one was answered since.
CREATE TABLE administrator_challenge (  -- spent
  hash BYTEA PRIMARY KEY,               -- SHA-256
  good_until BIGINT NOT NULL            -- it would not be good any more without this row
);
CREATE INDEX administrator_challenge_until ON administrator_challenge (good_until);
ALTER TABLE administrator_key DROP COLUMN challenge;
