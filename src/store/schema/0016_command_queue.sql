-- A poll asks what the first command in line is: the index alone says it.
DROP INDEX command_queue;
CREATE INDEX command_queue ON command (enrollment_id, user_id, position, uuid, request_type) WHERE answered_at IS NULL;
