-- A sync that finds nothing new is answered from the row that says who is calling: what desired_state has of the device
-- channel, once more.
ALTER TABLE enrollment ADD COLUMN declarations_token TEXT;
ALTER TABLE enrollment ADD COLUMN declarations_token_at BIGINT;
UPDATE enrollment SET
  declarations_token = (SELECT s.declarations_token FROM desired_state s WHERE s.enrollment_id = enrollment.id AND s.user_id = ''),
  declarations_token_at = (SELECT s.token_at FROM desired_state s WHERE s.enrollment_id = enrollment.id AND s.user_id = '')
  WHERE ended_at IS NULL;
