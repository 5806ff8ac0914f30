ALTER TABLE enrollment ADD COLUMN bootstrap_token BYTEA; -- sealed; adde only
