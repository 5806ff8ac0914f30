-- What a search for people reads: the words of identifier, Managed Apple Account and name, each behind a space, in lower
-- case (account/account.c makes them; here they are made of what is there). A search is a walk of this index.
ALTER TABLE account ADD COLUMN words TEXT NOT NULL DEFAULT '';
WITH RECURSIVE cut (id, words, marks) AS (
  SELECT id, ' ' || LOWER(user_identifier) ||
      CASE WHEN managed_apple_account = user_identifier THEN '' ELSE ' ' || LOWER(managed_apple_account) END ||
      COALESCE(' ' || LOWER(display_name), ''), CAST('!"#$%&''()*+,-./:;<=>@[\]^_`{|}~' AS TEXT) FROM account
  UNION ALL
  SELECT id, REPLACE(words, SUBSTR(marks, 1, 1), ' '), SUBSTR(marks, 2) FROM cut WHERE marks <> ''
)
UPDATE account SET words = cut.words FROM cut WHERE cut.id = account.id AND cut.marks = '';
DROP INDEX account_name;
CREATE INDEX account_words ON account (user_identifier, organization_id, words);
